//! Time zones that somebody may mean by a name that is none: `Asia/Beijing` is Asia/Shanghai.
//!
//! Called for the message of an error alone. Pure.

use jiff::tz;

/// The most names that are given.
const MOST: usize = 3;
/// How alike two names must be, by Jaro and Winkler.
const ALIKE: f64 = 0.9;

/// Cities that people look for and that the database has under the name of another one.
const CITIES: [(&str, &str); 36] = [
    ("beijing", "Asia/Shanghai"),
    ("peking", "Asia/Shanghai"),
    ("shenzhen", "Asia/Shanghai"),
    ("guangzhou", "Asia/Shanghai"),
    ("hangzhou", "Asia/Shanghai"),
    ("chengdu", "Asia/Shanghai"),
    ("wuhan", "Asia/Shanghai"),
    ("nanjing", "Asia/Shanghai"),
    ("tianjin", "Asia/Shanghai"),
    ("xian", "Asia/Shanghai"),
    ("china", "Asia/Shanghai"),
    ("osaka", "Asia/Tokyo"),
    ("kyoto", "Asia/Tokyo"),
    ("busan", "Asia/Seoul"),
    ("hanoi", "Asia/Ho_Chi_Minh"),
    ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"),
    ("new_delhi", "Asia/Kolkata"),
    ("bangalore", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"),
    ("abu_dhabi", "Asia/Dubai"),
    ("munich", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"),
    ("hamburg", "Europe/Berlin"),
    ("cologne", "Europe/Berlin"),
    ("geneva", "Europe/Zurich"),
    ("milan", "Europe/Rome"),
    ("barcelona", "Europe/Madrid"),
    ("manchester", "Europe/London"),
    ("washington", "America/New_York"),
    ("boston", "America/New_York"),
    ("miami", "America/New_York"),
    ("san_francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"),
    ("dallas", "America/Chicago"),
    ("rio_de_janeiro", "America/Sao_Paulo"),
];

/// Up to three names of zones that are near to this one, the likeliest first.
pub(super) fn near(name: &str) -> Vec<String> {
    let plain = |name: &str| name.trim().to_lowercase().replace([' ', '-'], "_");
    let typed = plain(name);
    let city = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let typed_city = city(&typed);
    if typed_city.is_empty() || typed.len() > 64 {
        return Vec::new();
    }
    if let Some((_, zone)) = CITIES.iter().find(|(city, _)| *city == typed_city) {
        return vec![(*zone).to_owned()];
    }
    let mut known: Vec<(f64, String)> = tz::db()
        .available()
        .filter_map(|known| {
            let (name, known) = (known.as_str().to_owned(), plain(known.as_str()));
            let alike = if city(&known) == typed_city { 1.0 } else { strsim::jaro_winkler(&known, &typed) };
            (alike > ALIKE).then_some((alike, name))
        })
        .collect();
    known.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    known.into_iter().take(MOST).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_or_a_slip_is_known() {
        for (typed, zone) in [
            ("Asia/Beijing", "Asia/Shanghai"),
            ("Beijing", "Asia/Shanghai"),
            ("Europe/Berln", "Europe/Berlin"),
            ("Berlin", "Europe/Berlin"),
            ("america/new york", "America/New_York"),
            ("Asia/Tokio", "Asia/Tokyo"),
        ] {
            assert_eq!(near(typed).first().map(String::as_str), Some(zone), "{typed}: {:?}", near(typed));
        }
        for nothing in ["", "/", "nowhere at all", "+08:00"] {
            assert!(near(nothing).is_empty(), "{nothing}: {:?}", near(nothing));
        }
    }

    #[test]
    fn every_zone_that_is_given_is_one() {
        for (_, zone) in CITIES {
            assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{zone}");
        }
    }
}
