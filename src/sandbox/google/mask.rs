//! The `fields` parameter: which parts of an answer a client wants.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A parsed mask: the wanted names, each with the mask of what lies below; an empty one below means
/// everything there. `*` is kept as a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mask(BTreeMap<String, Mask>);

impl Mask {
    /// Reads `a.b,c(d,e/f),*`; `None` if the parentheses or names are broken.
    pub(super) fn parse(text: &str) -> Option<Mask> {
        let mut rest = text;
        let mask = Mask::list(&mut rest)?;
        rest.is_empty().then_some(mask)
    }

    fn list(rest: &mut &str) -> Option<Mask> {
        let mut mask = Mask::default();
        loop {
            Mask::path(rest, &mut mask)?;
            match rest.strip_prefix(',') {
                Some(after) => *rest = after,
                None => return Some(mask),
            }
        }
    }

    fn path(rest: &mut &str, into: &mut Mask) -> Option<()> {
        *rest = rest.trim_start();
        let end = rest
            .find(|mark: char| !(mark.is_ascii_alphanumeric() || "_-*".contains(mark)))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        *rest = after.trim_start();
        let known = into.0.contains_key(name);
        let below = into.0.entry(name.to_owned()).or_default();
        let whole = known && below.0.is_empty();
        if let Some(after) = rest.strip_prefix(['.', '/']) {
            *rest = after;
            Mask::path(rest, below)?;
        } else if let Some(after) = rest.strip_prefix('(') {
            *rest = after;
            let inner = Mask::list(rest)?;
            *rest = rest.strip_prefix(')')?.trim_start();
            below.0.extend(inner.0);
        } else {
            below.0.clear();
        }
        // `a,a.b` asks for all of a.
        if whole {
            below.0.clear();
        }
        Some(())
    }

    /// True if the mask takes in the path, or part of what lies below it.
    pub(super) fn reaches(&self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else {
            return true;
        };
        if self.0.is_empty() {
            return true;
        }
        [*first, "*"]
            .iter()
            .filter_map(|name| self.0.get(*name))
            .any(|below| below.reaches(rest))
    }

    /// The first name on the top level that is not among `known`.
    pub(super) fn unknown<'a>(&'a self, known: &[&str]) -> Option<&'a str> {
        self.0
            .keys()
            .map(String::as_str)
            .find(|name| *name != "*" && !known.contains(name))
    }

    /// The mask below a name, if it takes the name in.
    pub(super) fn below(&self, name: &str) -> Option<&Mask> {
        self.0.get(name).or_else(|| self.0.get("*"))
    }

    /// Only what the mask takes in; lists are masked item by item.
    pub(super) fn apply(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(parts) => parts
                .into_iter()
                .filter_map(|(name, part)| {
                    let below = self.below(&name)?;
                    Some((name, below.apply(part)))
                })
                .collect::<Map<String, Value>>()
                .into(),
            plain => plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(mask: &str, want: &Value) {
        let whole = json!({
            "spreadsheetId": "x",
            "properties": {"title": "t", "locale": "vi_VN"},
            "sheets": [{"properties": {"sheetId": 0, "title": "a"}, "data": [1]},
                       {"properties": {"sheetId": 1, "title": "b"}, "data": [2]}],
        });
        assert_eq!(Mask::parse(mask).unwrap().apply(whole), *want, "{mask}");
    }

    #[test]
    fn masks_select() {
        let titles =
            json!({"sheets": [{"properties": {"title": "a"}}, {"properties": {"title": "b"}}]});
        check("sheets.properties.title", &titles);
        check("sheets/properties/title", &titles);
        check("sheets(properties(title))", &titles);
        check("sheets(properties.title)", &titles);
        check(
            "spreadsheetId,properties(title)",
            &json!({"spreadsheetId": "x", "properties": {"title": "t"}}),
        );
        check(
            "sheets(properties(sheetId,title)),properties.locale",
            &json!({"properties": {"locale": "vi_VN"},
                    "sheets": [{"properties": {"sheetId": 0, "title": "a"}}, {"properties": {"sheetId": 1, "title": "b"}}]}),
        );
        check(
            "properties,properties.title",
            &json!({"properties": {"title": "t", "locale": "vi_VN"}}),
        );
        check(
            "sheets.*.title",
            &json!({"sheets": [{"properties": {"title": "a"}, "data": [1]}, {"properties": {"title": "b"}, "data": [2]}]}),
        );
    }

    #[test]
    fn broken_masks_are_refused_and_reach_is_known() {
        assert_eq!(Mask::parse("sheets(properties"), None);
        assert_eq!(Mask::parse("a,,b"), None);
        assert_eq!(Mask::parse(""), None);
        let reaches = |mask: &str| Mask::parse(mask).unwrap().reaches(&["sheets", "data"]);
        assert!(reaches("sheets") && reaches("*") && reaches("sheets.data.rowData.values"));
        assert!(!reaches("sheets.properties") && !reaches("properties"));
    }
}
