//! Ranges of numbers: what stands around both ends is shown once where ICU shows it once.

use super::{
    number::{NumberFormat, Part, Pieces, around},
    plural,
};

impl NumberFormat {
    /// A range, with the end that each part belongs to.
    pub(crate) fn range(&self, from: &str, to: &str) -> Vec<(&'static str, String, &'static str)> {
        let (start, end) = (self.pieces(from), self.pieces(to));
        let text = |pieces: &Pieces| pieces.number.iter().map(|(_, text)| text.as_str()).collect::<String>();
        if text(&start) == text(&end) && start.middle == end.middle {
            let pattern = self.of_system("ap").unwrap_or("~{0}").to_owned();
            let sign = self.symbol("a").to_owned();
            let [before, after] = around(&pattern, "{0}");
            let mark = |text: String| {
                (!text.is_empty()).then(|| {
                    (if text == sign || text == "~" { "approximatelySign" } else { "literal" }, text)
                })
            };
            let mut parts: Vec<Part> = mark(before).into_iter().collect();
            parts.extend(start.parts());
            parts.extend(mark(after));
            return parts.into_iter().map(|(kind, text)| (kind, text, "shared")).collect();
        }
        let points = |parts: &[Vec<Part>; 2]| {
            parts.iter().flatten().map(|(_, text)| text.chars().count()).sum::<usize>()
        };
        let plural = plural::range(&self.locale, &start.plural, &end.plural);
        let outer = match self.settings.text("style") {
            "percent" => start.outer.clone(),
            "unit" if self.settings.text("unit") == "percent" => start.outer.clone(),
            "unit" => self
                .unit_name(self.settings.text("unit"), &self.settings.text("unitDisplay")[..1], &plural)
                .unwrap_or_default(),
            "currency" if self.settings.text("currencyDisplay") == "name" => self.currency_name(&plural),
            _ => Default::default(),
        };
        let collapsed = start.middle == end.middle && points(&start.middle) > 1;
        let exponent = matches!(self.settings.text("notation"), "scientific" | "engineering");
        let repeated = exponent || (!collapsed && points(&start.middle) + points(&end.middle) > 0);
        let pattern = self.of_system("r").unwrap_or("{0}–{1}");
        let between = pattern.replace("{0}", "").replace("{1}", "");
        let between = if repeated && !between.starts_with(char::is_whitespace) {
            format!(" {between} ")
        } else {
            between
        };
        let mut parts = Vec::new();
        let mut add = |source: &'static str, list: Vec<Part>| {
            parts.extend(list.into_iter().map(|(kind, text)| (kind, text, source)))
        };
        let [outer, outer_end] = outer;
        let [before, after] = start.middle;
        let [end_before, end_after] = end.middle;
        add("shared", outer);
        add(if collapsed { "shared" } else { "startRange" }, before);
        add("startRange", start.number);
        if !collapsed {
            add("startRange", after);
        }
        add("shared", vec![("literal", between)]);
        if !collapsed {
            add("endRange", end_before);
        }
        add("endRange", end.number);
        add(if collapsed { "shared" } else { "endRange" }, end_after);
        add("shared", outer_end);
        parts.retain(|(_, text, _)| !text.is_empty());
        parts
    }
}
