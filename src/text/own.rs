//! A site's own pages for closed applications (docs/contract.md#own-pages): templates of minijinja.
//!
//! Must stay true: what stands in a variable is escaped; a template reads nothing but its variables; what it may
//! compute and write is bounded; every template has been rendered with examples of all kinds before it is used.

use std::{collections::BTreeMap, io};

use minijinja::{Environment, UndefinedBehavior, Value};

use super::TextProblem;

/// The largest template, and the largest page that it may make, in bytes.
const LARGEST: usize = 64 * 1024;
/// What a template may compute, in minijinja's instructions.
const FUEL: u64 = 50_000;
/// Functions that templates may use beside variables.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// The variables of a page. Texts are plain; the gate's own pieces of HTML are marked.
#[derive(Debug, Clone, Default)]
pub struct PageFacts {
    /// The page's language (`lang`), and its direction (`dir`).
    pub language: String,
    /// `ltr` or `rtl`.
    pub dir: String,
    /// `Mail is unavailable`, in the page's language.
    pub title: String,
    /// One sentence: what is down and why, in the page's language.
    pub lead: String,
    /// The application's name, and what people call it.
    pub application: [String; 2],
    /// The reason's name, and its words.
    pub reason: [String; 2],
    /// The failed part, and what the operators say; as they wrote it.
    pub component: Option<String>,
    /// See `component`.
    pub message: Option<String>,
    /// RFC 3339, and in words.
    pub since: [String; 2],
    /// Absent where it is not known.
    pub back: Option<[String; 2]>,
    /// It should be back and is not.
    pub overdue: bool,
    /// It has not begun: newcomers are turned away.
    pub coming: bool,
    /// What else is true, in sentences.
    pub notes: Vec<String>,
    /// When and what was said before.
    pub updates: Vec<[String; 2]>,
    /// The request has sent something, which was refused.
    pub sent: bool,
    /// What to tell those who help.
    pub support: String,
    /// HTML: how far the return is.
    pub distance: String,
    /// HTML: a list of other applications that work.
    pub works: String,
    /// HTML: the refused form; empty where there is none.
    pub form: String,
    /// HTML: attributes of the root element, by which the script knows what to do.
    pub attributes: String,
    /// HTML: what makes the page come back by itself, for the end of the body.
    pub scripts: String,
}

impl PageFacts {
    /// Names and values, as the contract has them.
    fn values(&self) -> BTreeMap<&'static str, Value> {
        let pair = |names: [&'static str; 2], texts: &[String; 2]| {
            Value::from_pairs(names.into_iter().zip(texts).map(|(name, text)| (name, Value::from(text.as_str()))))
        };
        let html = |text: &str| Value::from_safe_string(text.to_owned());
        let moment = |texts: &[String; 2]| pair(["instant", "text"], texts);
        let text = |text: &str| Value::from(text);
        BTreeMap::from([
            ("language", text(&self.language)),
            ("dir", text(&self.dir)),
            ("title", text(&self.title)),
            ("lead", text(&self.lead)),
            ("application", pair(["name", "title"], &self.application)),
            ("reason", pair(["name", "text"], &self.reason)),
            ("component", self.component.as_deref().map_or(Value::from(()), Value::from)),
            ("message", self.message.as_deref().map_or(Value::from(()), Value::from)),
            ("since", moment(&self.since)),
            ("back", self.back.as_ref().map_or(Value::from(()), moment)),
            ("overdue", Value::from(self.overdue)),
            ("coming", Value::from(self.coming)),
            ("notes", Value::from_iter(self.notes.iter().map(|note| Value::from(note.as_str())))),
            ("updates", Value::from_iter(self.updates.iter().map(|update| pair(["at", "text"], update)))),
            ("sent", Value::from(self.sent)),
            ("support", text(&self.support)),
            ("distance", html(&self.distance)),
            ("works", html(&self.works)),
            ("form", html(&self.form)),
            ("attributes", html(&self.attributes)),
            ("scripts", html(&self.scripts)),
        ])
    }

    /// What every template is tried with: nothing but what is always there, and everything.
    fn examples() -> [Self; 2] {
        let text = |text: &str| text.to_owned();
        let pair = |one: &str, other: &str| [one.to_owned(), other.to_owned()];
        let least = Self {
            language: text("en"),
            dir: text("ltr"),
            title: text("Mail is unavailable"),
            lead: text("Mail is down for planned maintenance."),
            application: pair("mail", "Mail"),
            reason: pair("planned-maintenance", "planned maintenance"),
            since: pair("2026-11-23T16:00:00Z", "23 November 2026, 16:00 UTC"),
            support: text("node a"),
            ..Self::default()
        };
        let most = Self {
            component: Some(text("Disk 7")),
            message: Some("<b>&\"' ".repeat(250)),
            back: Some(pair("2026-11-23T18:00:00Z", "23 November 2026, 18:00 UTC")),
            overdue: true,
            coming: true,
            notes: vec![text("There are further causes."); 5],
            updates: vec![pair("23 November 2026, 16:10 UTC", "A disk is broken."); 4],
            sent: true,
            distance: text("in 2 hours"),
            works: text("<ul></ul>"),
            form: text("<form></form>"),
            attributes: text("data-watch=\"own\""),
            scripts: text("<script></script>"),
            ..least.clone()
        };
        [least, most]
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct OwnPages {
    environment: Option<Environment<'static>>,
}

impl OwnPages {
    /// From files: `denial.html`, `denial.APPLICATION.html`.
    ///
    /// # Errors
    /// Everything that is wrong with them, by file.
    pub fn new(files: &[(String, String)]) -> Result<Self, Vec<TextProblem>> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut problems = Vec::new();
        for (name, text) in files {
            if text.len() > LARGEST {
                problems.push(TextProblem::new(name, format!("is larger than {LARGEST} bytes")));
            } else if let Err(error) = environment.add_template_owned(name.clone(), text.clone()) {
                problems.push(TextProblem::new(name, told(&error)));
            }
        }
        let known: Vec<&str> = PageFacts::default().values().into_keys().chain(FUNCTIONS).collect();
        for (name, template) in environment.templates() {
            let unknown =
                template.undeclared_variables(false).into_iter().filter(|used| !known.contains(&used.as_str()));
            problems.extend(unknown.map(|used| TextProblem::new(name, format!("there is no variable {used}"))));
        }
        let pages = Self { environment: Some(environment) };
        if problems.is_empty() {
            for (name, _) in files {
                let failed = PageFacts::examples().iter().find_map(|facts| pages.write(name, facts).err());
                problems.extend(failed.map(|error| TextProblem::new(name, error)));
            }
        }
        if problems.is_empty() { Ok(pages) } else { Err(problems) }
    }

    /// The applications that have a page of their own.
    pub fn applications(&self) -> impl Iterator<Item = &str> {
        let templates = self.environment.iter().flat_map(Environment::templates);
        templates.filter_map(|(name, _)| name.strip_prefix("denial.")?.strip_suffix(".html"))
    }

    /// Whether there is a page for an application.
    pub fn has(&self, application: &str) -> bool {
        self.template(application).is_some()
    }

    fn template(&self, application: &str) -> Option<String> {
        let environment = self.environment.as_ref()?;
        let names = [format!("denial.{application}.html"), "denial.html".to_owned()];
        names.into_iter().find(|name| environment.get_template(name).is_ok())
    }

    /// The page of an application; none, if the site has none for it, or if it fails.
    pub fn render(&self, application: &str, facts: &PageFacts) -> Option<String> {
        let name = self.template(application)?;
        match self.write(&name, facts) {
            Ok(page) => Some(page),
            Err(error) => {
                static ONCE: std::sync::Once = std::sync::Once::new();
                ONCE.call_once(|| log::error!(page:% = name, error; "own_page_failed"));
                None
            }
        }
    }

    fn write(&self, name: &str, facts: &PageFacts) -> Result<String, String> {
        let environment = self.environment.as_ref().ok_or("there are no pages")?;
        let template = environment.get_template(name).map_err(|error| told(&error))?;
        let mut page = Bounded(Vec::new());
        template.render_captured_to(Value::from_pairs(facts.values()), &mut page).map_err(|error| told(&error))?;
        String::from_utf8(page.0).map_err(|error| error.to_string())
    }
}

/// An error in one line.
fn told(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{line}{}{detail}", error.kind())
}

/// Takes so much and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::Error::other(format!("the page is larger than {LARGEST} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pages(files: &[(&str, &str)]) -> Result<OwnPages, Vec<String>> {
        let files: Vec<_> = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let lines = |problems: Vec<TextProblem>| {
            problems.into_iter().map(|one| format!("{} {}", one.language, one.problem)).collect()
        };
        OwnPages::new(&files).map_err(lines)
    }

    #[test]
    fn texts_are_escaped_and_pieces_of_the_gate_are_not() {
        let page = "<html {{ attributes }}><h1>{{ title }}</h1>{% if message %}{{ message }}{% endif %}{{ application.name }}\
                    {% for note in notes %}<p>{{ note }}</p>{% endfor %}{{ back.text if back else \"?\" }}{{ form }}";
        let own = pages(&[("denial.html", page), ("denial.chat.html", "{{ application.title|upper }}")]).unwrap();
        let [least, most] = PageFacts::examples();
        let shown = own.render("mail", &most).unwrap();
        assert!(shown.starts_with("<html data-watch=\"own\"><h1>Mail is unavailable</h1>&lt;b&gt;&amp;"), "{shown}");
        assert!(shown.contains("mail<p>There are further causes.</p>") && shown.ends_with("18:00 UTC<form></form>"));
        assert_eq!(own.render("chat", &least).unwrap(), "MAIL");
        assert_eq!(own.applications().collect::<Vec<_>>(), ["chat"]);
        assert!(OwnPages::default().render("mail", &least).is_none());
    }

    #[test]
    fn what_is_wrong_is_found_before_it_is_used() {
        for (text, problem) in [
            ("{{ titel }}", "denial.html there is no variable titel"),
            ("{% if title %}", "denial.html line 1: syntax error"),
            ("{{ back.text }}", "denial.html line 1: undefined value"),
            ("{% for a in range(100000) %}{{ a }}{% endfor %}", "denial.html"),
            (
                "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
                "denial.html line 1: engine ran out of fuel",
            ),
            ("{% for a in range(90) %}{{ message }}{% endfor %}", "denial.html"),
            ("{% include \"/etc/passwd\" %}", "denial.html line 1"),
        ] {
            let found = pages(&[("denial.html", text)]).unwrap_err();
            assert!(found[0].starts_with(problem), "{text}: {found:?}");
        }
        assert!(pages(&[("denial.html", &"x".repeat(LARGEST + 1))]).is_err());
    }

    #[test]
    fn a_page_that_fails_gives_way() {
        let own = pages(&[(
            "denial.html",
            "{% if component == \"x\" %}{{ 1 / 0 }}{% endif %}{{ notes[7] if overdue and not sent else '' }}",
        )])
        .unwrap();
        let [least, _] = PageFacts::examples();
        assert!(own.render("mail", &PageFacts { overdue: true, ..least.clone() }).is_none());
        assert!(own.render("mail", &least).is_some());
    }
}
