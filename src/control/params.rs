//! Query parameters, read as strictly as bodies: an unknown, repeated or wrong parameter is 422 and named. If a
//! misspelt filter were ignored, the answer would show too much and be believed.

use std::{str::FromStr, time::Duration};

use actix_web::{HttpRequest, web::Query};

use crate::{availability::FieldError, control::errors::Failure};

/// Most parameters of one request.
const MOST: usize = 100;
/// How many to list unless told.
const LISTED: usize = 100;
/// Most that are listed at once.
const MOST_LISTED: usize = 1_000;

/// The parameters of one request that have not been taken yet, and what was wrong with the others.
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Params {
    /// Splits and decodes the query.
    ///
    /// # Errors
    /// 400 when it cannot be split or has more than 100 members.
    pub(crate) fn of(request: &HttpRequest) -> Result<Self, Failure> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_query(request.query_string())
            .map_err(|e| Failure::Malformed(format!("the query cannot be read: {e}")))?;
        if pairs.len() > MOST {
            return Err(Failure::Malformed(format!("the query has {} members; at most {MOST} are read", pairs.len())));
        }
        Ok(Self { pairs, errors: Vec::new() })
    }

    /// Records an error of a parameter.
    pub(crate) fn wrong(&mut self, name: &str, problem: impl Into<String>) {
        self.errors.push(FieldError::new(name, problem));
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.pairs.extract_if(.., |(key, _)| key == name).map(|(_, value)| value).collect()
    }

    /// The value of a parameter that may be given once.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            self.wrong(name, "is given several times");
        }
        values.pop()
    }

    /// The same, of 1 to `most` characters.
    pub(crate) fn short(&mut self, name: &str, most: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.is_empty() || text.chars().count() > most {
            self.wrong(name, format!("is not 1 to {most} characters long"));
            return None;
        }
        Some(text)
    }

    /// The same, read by `FromStr`.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, problem: impl Into<String>) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.wrong(name, problem);
        }
        parsed
    }

    /// `limit`: how many to list at once, 1 to 1,000; 100 unless given.
    pub(crate) fn limit(&mut self) -> usize {
        let problem = format!("is not a number from 1 to {MOST_LISTED}");
        let limit = self.parsed("limit", problem.as_str()).unwrap_or(LISTED);
        if !(1..=MOST_LISTED).contains(&limit) {
            self.wrong("limit", problem);
        }
        limit
    }

    /// Checks that all parameters were read and are valid.
    ///
    /// # Errors
    /// 422 that names every parameter that is wrong or unknown.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.errors.extend(
            self.pairs.into_iter().map(|(name, _)| FieldError::new(name, "is not a parameter of this address")),
        );
        if self.errors.is_empty() { Ok(()) } else { Err(Failure::Wrong(self.errors)) }
    }
}

/// Addresses that take no parameters.
///
/// # Errors
/// 422 that names those that were given.
pub(crate) fn none(request: &HttpRequest) -> Result<(), Failure> {
    Params::of(request)?.finish()
}

/// A length of time such as `500ms`, `5s` or `1m`, at most 60 s.
///
/// # Errors
/// The rest of a sentence that begins with the parameter's name.
pub(crate) fn duration(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = "is not a length of time such as 500ms, 5s or 1m";
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or(FORM)?;
    let (number, unit) = text.split_at(unit);
    if number.is_empty() {
        return Err(FORM);
    }
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(FORM),
    };
    // A number too large for its type is longer than 60 s as well.
    let length = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
    length.filter(|length| *length <= 60_000).map(Duration::from_millis).ok_or("is longer than 60s")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
        for wrong in
            ["", "5", "s", "-1s", "1.5s", "5 s", "1h", "61s", "2m", "99999999999999999999s", "18446744073709551615m"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn unknown_repeated_and_wrong_ones_are_named() {
        let request = TestRequest::with_uri("/?limit=x&app=a&operator=a&operator=b&header=a%3Ab&header=c&source=")
            .to_http_request();
        let mut params = Params::of(&request).unwrap();
        assert_eq!(params.parsed::<u8>("limit", "is not a number"), None);
        assert_eq!(params.short("source", 9), None);
        params.text("operator");
        assert_eq!(params.all("header"), ["a:b", "c"]);
        let Err(Failure::Wrong(errors)) = params.finish() else { panic!() };
        let fields: Vec<&str> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["limit", "source", "operator", "app"]);
        let many = TestRequest::with_uri(&format!("/?{}", "a&".repeat(101))).to_http_request();
        assert!(matches!(Params::of(&many), Err(Failure::Malformed(_))));
    }
}
