//! Names and texts in SQL: how each is quoted.

use std::fmt;

/// A name, to be quoted wherever it stands in SQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identifier(pub(crate) String);

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text value, to be quoted wherever it stands in SQL that takes no parameters.
#[derive(Clone, Debug)]
pub(crate) struct Literal<'a>(pub(crate) &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With a backslash inside, only this form means the same whatever `standard_conforming_strings` is.
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
