//! The words around a number: names of currencies and of units.

use super::number::{NumberFormat, Part, around, trimmed};

impl NumberFormat {
    /// The name of the currency, in the form for this category.
    pub(super) fn currency_name(&self, plural: &str) -> [Vec<Part>; 2] {
        let code = self.settings.text("currency");
        let table = self.currencies.as_deref();
        let name = table
            .and_then(|table| {
                table
                    .get(&format!("{code}.c.{plural}"))
                    .or_else(|| table.get(&format!("{code}.c.other")))
                    .or_else(|| table.get(&format!("{code}.d")))
            })
            .unwrap_or(code);
        let pattern = self
            .of_system(&format!("cn.{plural}"))
            .or_else(|| self.of_system("cn.other"))
            .unwrap_or("{0} {1}");
        around(pattern, "{0}").map(|text| {
            let mut parts = Vec::new();
            for (at, piece) in text.split("{1}").enumerate() {
                if at > 0 {
                    parts.push(("currency", name.to_owned()));
                }
                parts.push(("literal", piece.to_owned()));
            }
            parts
        })
    }

    /// A form of a unit that needs no number.
    pub(super) fn unit_words(&self, plural: &str) -> Vec<Part> {
        let (unit, width) = (self.settings.text("unit"), &self.settings.text("unitDisplay")[..1]);
        let words = self.units.as_deref().and_then(|table| table.get(&format!("{width}.{unit}.{plural}")));
        vec![("unit", words.unwrap_or(unit).to_owned())]
    }

    /// What stands around the number; nothing when the number is part of the words.
    pub(super) fn unit_name(&self, unit: &str, width: &str, plural: &str) -> Option<[Vec<Part>; 2]> {
        let table = self.units.as_deref()?;
        let pattern = |unit: &str, plural: &str| {
            table
                .get(&format!("{width}.{unit}.{plural}"))
                .or_else(|| table.get(&format!("{width}.{unit}.other")))
        };
        let whole = match (pattern(unit, plural), unit.split_once("-per-")) {
            (Some(pattern), _) => pattern.to_owned(),
            (None, Some((unit, by))) => {
                let one = pattern(unit, plural).unwrap_or("{0}");
                match table.get(&format!("{width}.{by}.p")) {
                    Some(per) => per.replace("{0}", one),
                    None => {
                        let by = pattern(by, "one").unwrap_or("{0}").replace("{0}", "");
                        let per = table.get(&format!("{width}.per")).unwrap_or("{0}/{1}");
                        per.replace("{1}", by.trim()).replace("{0}", one)
                    }
                }
            }
            (None, None) => "{0}".to_owned(),
        };
        let sides = whole.contains("{0}").then(|| around(&whole, "{0}"))?;
        Some(sides.map(|text| {
            let mut parts = Vec::new();
            trimmed("unit", &text, &mut parts);
            parts
        }))
    }
}
