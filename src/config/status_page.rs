//! `[status_page]`: the public status page, which is off unless the section is there.

use super::reader::Reader;
use crate::vocabulary::StatusSettings;

/// The longest title, in characters.
const MAX_TITLE: usize = 200;

pub(super) fn status_page(root: &mut Reader<'_>) -> Option<StatusSettings> {
    let is_there = root.has("status_page");
    let mut section = root.section("status_page");
    if !is_there {
        return None;
    }
    let title = section.required("title", |text| match text.trim() {
        "" => Err("must not be empty".to_owned()),
        text if text.chars().count() > MAX_TITLE => Err(format!("must be at most {MAX_TITLE} characters")),
        text => Ok(text.to_owned()),
    });
    let url = section.required("url", |text| {
        let is_absolute =
            ["https://", "http://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
        match is_absolute && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => Ok(text.trim_end_matches('/').to_owned()),
            false => Err("must be an address such as \"https://www.example.com\"".to_owned()),
        }
    });
    section.finish();
    Some(StatusSettings { title: title?, url: url? })
}
