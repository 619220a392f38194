//! Bar charts, plain enough to be read as text.

use std::fmt::Write as _;

pub fn bars(title: &str, bars: &[(String, f64)]) -> String {
    let most = bars.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let height = 50 + 34 * bars.len();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"720\" height=\"{height}\" viewBox=\"0 0 720 {height}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>text{{font:14px sans-serif;fill:#333}}.t{{font-weight:bold}}rect{{fill:#2f6f9f}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}rect{{fill:#6fb0e0}}}}</style>\n\
         <text class=\"t\" x=\"8\" y=\"24\">{title}</text>\n"
    );
    for (at, (name, value)) in bars.iter().enumerate() {
        let y = 44 + 34 * at;
        let width = (value / most * 380.0).max(1.0);
        let digits = if *value < 100.0 { 2 } else { 0 };
        writeln!(svg, "<text x=\"8\" y=\"{}\">{name}</text><rect x=\"230\" y=\"{y}\" width=\"{width:.1}\" height=\"22\" rx=\"3\"/><text x=\"{:.1}\" y=\"{}\">{value:.digits$}</text>", y + 16, 238.0 + width, y + 16).unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}
