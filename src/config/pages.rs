//! `gate.languages`, `gate.pages` and `[gate.page]`: what users read, from a site's own files.
//!
//! What must stay true: everything is read and tried here, so that no request meets a broken file; only regular
//! files of the named folders are read, within bounds.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use super::reader::Reader;
use crate::text::{Colour, LARGEST_LOGO, Look, OwnPages, Site, TextProblem, Texts, contact};

/// The largest file of a language or a page, in bytes; the rooms that read them have their own limits below it.
const LARGEST: u64 = 512 * 1024;
/// The most files of a folder.
const MOST: usize = 200;

/// Reads all of it. `file` is the configuration: names are relative to its folder.
pub(super) fn texts(gate: &mut Reader<'_>, file: &Path) -> Texts {
    let languages = folder(gate, "languages", file, ".ftl");
    let pages = folder(gate, "pages", file, ".html");
    let look = look(gate.section("page"), file);
    let named = |problem: &TextProblem, kind: &str| format!("{}{kind} {}", problem.language, problem.problem);
    for (name, _) in pages.iter().filter(|(name, _)| name != "denial.html" && !name.starts_with("denial.")) {
        gate.problem("pages", format!("{name} is neither denial.html nor denial.APPLICATION.html"));
    }
    let pages = OwnPages::new(&pages).unwrap_or_else(|problems| {
        problems.iter().for_each(|problem| gate.problem("pages", named(problem, "")));
        OwnPages::default()
    });
    Texts::with(&languages, Site { look, pages }).unwrap_or_else(|problems| {
        problems.iter().for_each(|problem| gate.problem("languages", named(problem, ".ftl")));
        Texts::default()
    })
}

fn look(mut section: Reader<'_>, file: &Path) -> Look {
    let logo = section.text("logo", |text| {
        let path = beside(file, text);
        let bytes = read(&path, LARGEST_LOGO as u64 + 1)?;
        Look::picture(text, &bytes)
    });
    let colour = section.text("colour", |text| Colour::parse(text, false));
    let dark = section.text("colour_dark", |text| Colour::parse(text, true));
    if colour.is_some() != dark.is_some() {
        section.problem("colour", "needs colour_dark, and colour_dark needs colour: pages are shown in both schemes");
    }
    let contact = section.text("contact", contact);
    let offers = section.flag("offers", true);
    section.finish();
    Look { logo, style: Look::colours([colour, dark]), contact, offers }
}

/// The files of a folder whose names end so: their names (of languages: without the end) and texts, by name.
fn folder(gate: &mut Reader<'_>, key: &'static str, file: &Path, end: &str) -> Vec<(String, String)> {
    let found = gate.text(key, |text| {
        let folder = beside(file, text);
        let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", folder.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !name.ends_with(end) || name.starts_with('.') || !path.is_file() {
                continue;
            }
            let bytes = read(&path, LARGEST + 1)?;
            if bytes.len() as u64 > LARGEST {
                return Err(format!("{name} is larger than {LARGEST} bytes"));
            }
            let text = String::from_utf8(bytes).map_err(|_invalid| format!("{name} is not UTF-8 text"))?;
            let name = if end == ".ftl" { name.strip_suffix(end).unwrap_or(name) } else { name };
            files.push((name.to_owned(), text));
            if files.len() > MOST {
                return Err(format!("{} has more than {MOST} files", folder.display()));
            }
        }
        files.sort();
        Ok(files)
    });
    found.unwrap_or_default()
}

pub(super) fn beside(file: &Path, name: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(name)
}

/// At most so many bytes of it.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let cannot = |error| format!("{} cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    File::open(path).map_err(cannot)?.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}
