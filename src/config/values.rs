//! One text → one checked value.
//!
//! Pure functions whose errors state what is wrong and what would be right. What must stay true: an error never
//! repeats more than a short piece of the input, and nothing that may be secret. The command line uses the same
//! functions for the same values.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::availability::Name;

const MS: Duration = Duration::from_millis(1);

/// A name: 1 to 64 of ASCII letters, digits, `-`, `_`, `.`.
///
/// # Errors
///
/// What a name may consist of.
pub fn name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|_not_a_name| "must be 1 to 64 of letters, digits, '-', '_' and '.'".to_owned())
}

/// A network such as `10.0.0.0/8`.
///
/// # Errors
///
/// What a network looks like.
pub fn network(text: &str) -> Result<IpNet, String> {
    // `trunc` so that 10.1.2.3/8 and 10.0.0.0/8 are the same
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .map_err(|error| format!("must be a network such as \"10.0.0.0/8\" or \"192.0.2.7/32\": {error}"))
}

/// One of a few words, each with its value.
pub(super) fn one_of<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let choice = choices.iter().find(|(word, _)| *word == text);
        choice.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            format!("must be {}", words.join(" or "))
        })
    }
}

/// A text of one line for people: 1 to 200 characters, none of them a control character.
///
/// # Errors
///
/// What such a text may be.
pub fn title(text: &str) -> Result<String, String> {
    match (1..=200).contains(&text.chars().count()) && !text.contains(char::is_control) {
        true => Ok(text.to_owned()),
        false => Err("must be 1 to 200 characters, without control characters".to_owned()),
    }
}

/// A duration: a whole number and `ms`, `s`, `m`, `h` or `d`, as in `500ms` or `24h`; not zero.
///
/// # Errors
///
/// What a duration looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = split_number(text).and_then(|(number, unit)| {
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        Some(Duration::from_millis(number.checked_mul(milliseconds)?))
    });
    parsed
        .filter(|duration| *duration >= MS)
        .ok_or_else(|| "must be a duration such as \"500ms\", \"5s\", \"2m\", \"24h\", \"7d\"".into())
}

/// A [`duration`] within bounds, for [`super::reader::Reader`].
pub(super) fn duration_in(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let duration = duration(text)?;
        match range.contains(&duration) {
            true => Ok(duration),
            false => {
                let (low, high) = (in_words(*range.start()), in_words(*range.end()));
                Err(format!("must be from {low} to {high}"))
            }
        }
    }
}

/// The largest unit that shows it exactly.
fn in_words(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let unit = units.iter().find(|(size, _)| milliseconds.is_multiple_of(*size));
    let (size, unit) = unit.unwrap_or(&(1, "ms"));
    format!("{}{unit}", milliseconds / size)
}

/// A path of the configuration: relative ones begin in the folder of its file.
pub(super) fn beside(file: &Path, text: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(text)
}

/// A size in bytes: a whole number and `B`, `kB`, `MB`, `GB`, `TB` (powers of 1,000) or `KiB`,
/// `MiB`, `GiB`, `TiB` (powers of 1,024).
///
/// # Errors
///
/// What a size looks like.
pub fn size(text: &str) -> Result<u64, String> {
    let parsed = split_number(text).and_then(|(number, unit)| {
        let bytes: u64 = match unit {
            "B" => 1,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "TB" => 1_000_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return None,
        };
        number.checked_mul(bytes)
    });
    parsed.ok_or_else(|| "must be a size such as \"64MiB\" or \"10GB\"".into())
}

/// Digits, perhaps a space, and what follows.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.strip_prefix(' ').unwrap_or(unit)))
}

/// 64 hexadecimal digits.
pub(super) fn sha256(text: &str) -> Result<[u8; 32], String> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash)
        .map(|()| hash)
        .map_err(|error| format!("must be 64 hexadecimal digits, as `forewarn token` prints them: {error}"))
}

/// The largest body of a request.
pub(super) fn body(text: &str) -> Result<u64, String> {
    match size(text)? {
        size @ 1..=17_592_186_044_416 => Ok(size),
        _ => Err("must be from 1B to 16TiB".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_have_64_plain_characters() {
        assert!(name(&"x".repeat(64)).is_ok());
        assert!(name("A-z_0.9").is_ok());
        for wrong in ["", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn networks_are_canonical() {
        let (one, same) = (network("10.1.2.3/8"), network("10.0.0.0/8"));
        assert_eq!(one.unwrap(), same.unwrap());
        assert!(network("10.0.0.1").is_err() && network("10.0.0.0/33").is_err());
    }

    #[test]
    fn titles_are_one_short_line() {
        assert!(title(&"ä".repeat(200)).is_ok());
        assert!(title(&"ä".repeat(201)).is_err());
        assert!(title("a\nb").is_err());
    }

    #[test]
    fn durations_and_sizes_have_units() {
        assert_eq!(duration("500ms").unwrap(), Duration::from_millis(500));
        assert_eq!(duration("60s").unwrap(), Duration::from_secs(60));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        assert_eq!(duration("24h").unwrap(), duration("1d").unwrap());
        for wrong in ["", "5", "s", "0s", "-1s", "1.5s", "1w", "99999999999999999999s", "5 s s"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(size("64MiB").unwrap(), 64 << 20);
        assert_eq!(size("10GB").unwrap(), 10_000_000_000);
        for wrong in ["", "64", "MiB", "1PB", "-1B", "99999999TiB"] {
            assert!(size(wrong).is_err(), "{wrong:?}");
        }
    }
}
