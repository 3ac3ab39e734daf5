//! Text that stands in a page: nothing in it is markup, whatever it says.

use std::fmt;

/// A text in HTML, between tags or in a quoted attribute.
#[derive(Clone, Copy, Debug)]
pub(super) struct Html<'a>(pub(super) &'a str);

impl fmt::Display for Html<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => formatter.write_str("&amp;")?,
                '<' => formatter.write_str("&lt;")?,
                '>' => formatter.write_str("&gt;")?,
                '"' => formatter.write_str("&quot;")?,
                '\'' => formatter.write_str("&#39;")?,
                other => fmt::Write::write_char(formatter, other)?,
            }
        }
        Ok(())
    }
}

/// Fills the places `{{name}}` of a template. What is filled in is not looked at again: it may hold what looks like a place.
pub(super) fn fill(template: &str, content: impl Fn(&str) -> String) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, from)) = rest.split_once("{{") {
        let (name, after) = from.split_once("}}").expect("a place of a template of ours is closed");
        text.push_str(before);
        text.push_str(&content(name));
        rest = after;
    }
    text + rest
}

/// Writes when something began, as `2026-01-31T02:00:00Z`, in the shorter form that people read.
pub(super) fn moment(begun_at: &str) -> String {
    let minute = begun_at.get(..16).unwrap_or(begun_at).replace('T', " ");
    format!("<time datetime=\"{}\">{} UTC</time>", Html(begun_at), Html(&minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        let text = "</script><img src=x onerror='alert(1)'> & \"商店\"";
        let expected = "&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt; &amp; &quot;商店&quot;";
        assert_eq!(Html(text).to_string(), expected);
    }

    #[test]
    fn what_is_filled_in_is_no_template() {
        let filled =
            fill("a {{one}} b {{two}} c", |name| if name == "one" { "{{two}}".to_owned() } else { "2".to_owned() });
        assert_eq!(filled, "a {{two}} b 2 c");
    }

    #[test]
    fn a_moment_is_shown_to_the_minute() {
        assert_eq!(
            moment("2026-01-31T02:00:00Z"),
            "<time datetime=\"2026-01-31T02:00:00Z\">2026-01-31 02:00 UTC</time>"
        );
    }
}
