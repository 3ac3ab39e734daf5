//! Quotes names and texts for SQL.

use std::fmt;

/// A name. It is quoted wherever it is displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier(pub(crate) String);

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text value, for statements that take no parameters. It is quoted wherever it is displayed.
#[derive(Clone, Debug)]
pub(crate) struct Literal<'a>(pub(crate) &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // If the text has a backslash, only the `E` form does not depend on
        // `standard_conforming_strings`.
        let text = self.0.replace('\\', "\\\\").replace('\'', "''");
        let prefix = if text.contains('\\') { "E" } else { "" };
        write!(formatter, "{prefix}'{text}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted() {
        assert_eq!(Identifier(r#"a"b"#.to_owned()).to_string(), r#""a""b""#);
        assert_eq!(Literal("it's").to_string(), "'it''s'");
        assert_eq!(Literal(r"a\'b").to_string(), r"E'a\\''b'");
    }
}
