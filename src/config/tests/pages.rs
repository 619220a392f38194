//! A site's own files: read, tried, and refused with their names.

use std::fs;

use super::*;

const APPLICATION: &str = "[[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\n";

fn site(files: &[(&str, &str)], gate: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let text = format!("{LEAST}[gate]\n{gate}\n{APPLICATION}");
    Settings::parse(&text, &folder.path().join("f.toml")).map_err(|error| error.to_string())
}

#[test]
fn languages_pages_and_looks_are_read() {
    let files = [
        ("texts/de.ftl", "application-mail = Post\n"),
        ("texts/notes.txt", "not read"),
        ("pages/denial.mail.html", "<h1>{{ title }}</h1>"),
        ("logo.svg", "<svg/>"),
    ];
    let gate = "languages = \"texts\"\npages = \"pages\"\n[gate.page]\nlogo = \"logo.svg\"\ncolour = \"#1f5f8f\"\n\
                colour_dark = \"#85bde6\"\ncontact = \"mailto:help@example.com\"\noffers = false\n";
    let settings = site(&files, gate).unwrap();
    let texts = &settings.gate.texts;
    assert_eq!(texts.wanted([&b"de"[..]]).application("mail", "Mail"), "Post");
    assert!(texts.site().pages.has("mail") && !texts.site().pages.has("chat"));
    let look = &texts.site().look;
    assert_eq!((look.contact.as_deref(), look.offers), (Some("mailto:help@example.com"), false));
    assert!(look.logo.is_some() && look.style.contains("#1f5f8f"));
    // Nothing of it is needed.
    let plain = site(&[], "").unwrap();
    assert!(plain.gate.texts.site().look.offers && plain.gate.texts.all().count() == 7);
}

#[test]
fn broken_files_are_named() {
    for (files, gate, problem) in [
        (
            &[("t/de.ftl", "typo = x")][..],
            "languages = \"t\"",
            "f.toml:5: gate.languages: de.ftl message typo is not known",
        ),
        (&[("p/denial.html", "{{ titel }}")], "pages = \"p\"", "gate.pages: denial.html there is no variable titel"),
        (&[("p/index.html", "x")], "pages = \"p\"", "gate.pages: index.html is neither denial.html nor"),
        (
            &[("p/denial.chat.html", "x")],
            "pages = \"p\"",
            "gate.pages: denial.chat.html: there is no [[application]] named \"chat\"",
        ),
        (&[], "pages = \"nowhere\"", "nowhere cannot be read"),
        (
            &[],
            "[gate.page]\ncolour = \"#ffff00\"\ncolour_dark = \"#85bde6\"",
            "gate.page.colour: has a contrast of 1.1",
        ),
        (&[], "[gate.page]\ncolour = \"#1f5f8f\"", "gate.page.colour: needs colour_dark"),
        (&[], "[gate.page]\ncontact = \"javascript:x\"", "gate.page.contact: must be an address"),
        (
            &[("l.svg", &"x".repeat(5_000))],
            "[gate.page]\nlogo = \"l.svg\"",
            "gate.page.logo: must have at most 2048 bytes",
        ),
    ] {
        let error = site(files, gate).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
}
