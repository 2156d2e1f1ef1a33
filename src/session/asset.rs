//! A part of a database as a scope: which runs worked on it, and which cases are in it.
//!
//! Case ids and scopes of runs are dotted names, `schema.table[.column]`; case is ignored.

use super::options::Asset;
use crate::model::nearest;

impl Asset {
    /// Reads `schema=sales,table=orders,column=status`; each part once, at least one.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        const PARTS: [&str; 3] = ["schema", "table", "column"];
        let mut asset = Self::default();
        for pair in text.split(',') {
            let (part, value) = pair
                .split_once('=')
                .map(|(part, value)| (part.trim(), value.trim()))
                .filter(|(_, value)| !value.is_empty())
                .ok_or_else(|| format!("expected schema=NAME, table=NAME or column=NAME, found '{pair}'"))?;
            let slot = match part {
                "schema" => &mut asset.schema,
                "table" => &mut asset.table,
                "column" => &mut asset.column,
                _ => {
                    let near = nearest(part, PARTS.into_iter()).map(|near| format!("; did you mean {near}?"));
                    return Err(format!("there is no part {part}{}", near.unwrap_or_default()));
                }
            };
            if slot.replace(value.to_owned()).is_some() {
                return Err(format!("{part} is given twice"));
            }
        }
        Ok(asset)
    }

    /// The asset as it was asked for: `schema=sales,table=orders`.
    pub fn in_words(&self) -> String {
        let parts = [("schema", &self.schema), ("table", &self.table), ("column", &self.column)];
        let given = parts.into_iter().filter_map(|(part, name)| Some(format!("{part}={}", name.as_ref()?)));
        given.collect::<Vec<_>>().join(",")
    }

    /// Whether a case is in it.
    pub fn holds(&self, case_id: &str) -> bool {
        let id = case_id.to_lowercase();
        let Some(in_schema) = below(&id, self.schema.as_deref()) else { return false };
        // A schema alone is no case.
        if in_schema.is_empty() {
            return false;
        }
        let Some(in_table) = below(in_schema, self.table.as_deref()) else { return false };
        self.column.as_ref().is_none_or(|column| in_table == column.to_lowercase())
    }

    /// Whether a run with this scope, a JSON list of `schema` and `schema.table`, worked on it. A schema without table
    /// covers all of its tables; columns are not in scopes. `None` when the scope says nothing.
    pub fn is_mentioned_in(&self, scope: Option<&str>) -> Option<bool> {
        let entries: Vec<String> = serde_json::from_str(scope?).ok()?;
        if entries.is_empty() {
            return None;
        }
        Some(entries.iter().any(|entry| self.is_mentioned_by(&entry.to_lowercase())))
    }

    fn is_mentioned_by(&self, entry: &str) -> bool {
        match below(entry, self.schema.as_deref()) {
            None => false,
            Some("") => true,
            Some(table) => self.table.as_ref().is_none_or(|wanted| table == wanted.to_lowercase()),
        }
    }

    /// Among names of assets, one that was probably meant where this one has a part that none of them has.
    pub fn nearest_part(&self, names: &[String]) -> Option<String> {
        let wanted = [&self.schema, &self.table, &self.column];
        wanted.into_iter().enumerate().find_map(|(place, wanted)| {
            let wanted = wanted.as_ref()?.to_lowercase();
            let parts: Vec<String> =
                names.iter().filter_map(|name| name.split('.').nth(place)).map(str::to_lowercase).collect();
            if parts.contains(&wanted) {
                return None;
            }
            nearest(&wanted, parts.iter().map(String::as_str)).map(str::to_owned)
        })
    }
}

/// What a dotted name has below a part of that name, or below its first part when any will do; empty when nothing.
fn below<'a>(name: &'a str, part: Option<&str>) -> Option<&'a str> {
    match part {
        Some(part) => {
            let rest = name.strip_prefix(part.to_lowercase().as_str())?;
            if rest.is_empty() { Some("") } else { rest.strip_prefix('.') }
        }
        None => Some(name.split_once('.').map_or("", |(_, rest)| rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(text: &str) -> Asset {
        Asset::parse(text).unwrap()
    }

    #[test]
    fn a_part_that_is_not_given_fits_all_and_case_is_ignored() {
        for (wanted, case_id, holds) in [
            ("schema=sales", "sales.orders", true),
            ("schema=sales", "sales.orders.status", true),
            ("schema=SALES", "Sales.Orders", true),
            ("schema=sales", "salesforce.orders", false),
            ("schema=sales", "sales", false),
            ("table=orders", "sales.orders", true),
            ("table=orders", "hr.orders.id", true),
            ("table=orders", "sales.orders_old", false),
            ("table=orders", "sales.x.orders", false),
            ("column=STATUS", "sales.orders.status", true),
            ("column=status", "sales.orders", false),
            ("schema=sales,table=orders,column=status", "sales.orders.status", true),
            ("schema=sales,column=orders", "sales.orders", false),
            ("schema=sales,table=a.b", "sales.a.b.c", true),
        ] {
            assert_eq!(asset(wanted).holds(case_id), holds, "{wanted} {case_id}");
        }
    }

    #[test]
    fn a_schema_in_a_scope_covers_its_tables() {
        for (wanted, scope, mentioned) in [
            ("schema=sales", r#"["sales"]"#, Some(true)),
            ("schema=sales", r#"["hr", "Sales.orders"]"#, Some(true)),
            ("schema=sales,table=orders", r#"["sales"]"#, Some(true)),
            ("schema=sales,table=orders", r#"["sales.customers"]"#, Some(false)),
            ("table=orders", r#"["hr", "sales.customers"]"#, Some(true)),
            ("table=orders", r#"["sales.customers"]"#, Some(false)),
            ("schema=nope", r#"["sales"]"#, Some(false)),
            ("column=status", r#"["sales.orders"]"#, Some(true)),
            ("schema=sales", "[]", None),
            ("schema=sales", "no list", None),
        ] {
            assert_eq!(asset(wanted).is_mentioned_in(Some(scope)), mentioned, "{wanted} {scope}");
        }
        assert_eq!(asset("schema=sales").is_mentioned_in(None), None);
    }

    #[test]
    fn what_does_not_read_says_what_was_expected() {
        for (text, said) in [
            ("", "expected schema=NAME"),
            ("sales", "expected schema=NAME"),
            ("schema=", "expected schema=NAME"),
            ("tabel=orders", "did you mean table?"),
            ("schema=a,schema=b", "schema is given twice"),
        ] {
            let error = Asset::parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
        assert_eq!(asset(" table = orders , column = id ").in_words(), "table=orders,column=id");
    }

    #[test]
    fn a_slip_in_a_part_finds_the_near_one() {
        let names = ["sales.orders.status".to_owned(), "hr.staff".to_owned()];
        assert_eq!(asset("schema=sale").nearest_part(&names).as_deref(), Some("sales"));
        assert_eq!(asset("schema=sales,column=statsu").nearest_part(&names).as_deref(), Some("status"));
        assert_eq!(asset("schema=sales").nearest_part(&names), None);
    }
}
