//! The web console: serves what was built from `web/` and committed as `console.tar`.
//!
//! Its pages are names of this server; they hold nothing of the server's data. What they show comes through the management API, with
//! the reader's own login.

mod files;
mod page;

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};

use self::{files::Files, page::Page};
use crate::http::Problem;

/// The pages of the console, and all that stands below them.
const PAGES: [&str; 12] = [
    "failed",
    "go",
    "health",
    "login",
    "plugins",
    "questions",
    "requests",
    "runs",
    "secrets",
    "settings",
    "setup",
    "workflows",
];
/// Names of files hold a hash of what is in them, so that what a name stands for never changes.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

/// The built console, read once.
static CONSOLE: LazyLock<Console> = LazyLock::new(Console::read);

struct Console {
    files: Files,
    page: Page,
}

impl Console {
    fn read() -> Self {
        let files = Files::read();
        let page = Page::new(&files.text("index.html"));
        Self { files, page }
    }
}

/// The routes of the pages, except `/`, and of their files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let router = Router::new().route("/assets/{file}", get(asset));
    PAGES.iter().fold(router, |router, page| {
        router.route(&format!("/{page}"), get(show)).route(&format!("/{page}/{{*rest}}"), get(show))
    })
}

/// Whether who asks is a browser that wants a page, and no program.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    })
}

/// The console's page at this address.
pub async fn show(uri: Uri, headers: HeaderMap) -> Response {
    CONSOLE.page.answer(uri.path(), &headers)
}

/// `GET /assets/{file}`
async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(file) = CONSOLE.files.get(&format!("assets/{name}")) else {
        let detail =
            "the console has no such file; reload its page, as the server may be of another version now";
        return Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response();
    };
    let (packed, coding) = file.as_accepted(&headers);
    let mut response = packed.into_response();
    let map = response.headers_mut();
    map.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type()));
    map.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_GOOD));
    map.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    map.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    map.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    if let Some(coding) = coding.name() {
        map.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use sha2::{Digest, Sha256};

    use super::*;

    const LOCK: &str = include_str!("console.lock");
    /// Bytes of the whole console as it is committed.
    const TAR_MOST: usize = 520 << 10;
    /// Bytes of JavaScript that a list page loads, compressed.
    const PAGE_MOST: usize = 180 << 10;

    fn locked(name: &str) -> &str {
        LOCK.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap()
    }

    fn sources(folder: &Path, at: &str, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{at}{}", entry.file_name().to_str().unwrap());
            if entry.file_type().unwrap().is_dir() {
                if entry.file_name() != "node_modules" {
                    sources(&entry.path(), &format!("{name}/"), found);
                }
            } else {
                found.push(name);
            }
        }
    }

    #[test]
    fn the_committed_console_belongs_to_its_sources() {
        let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console/web");
        let mut names = Vec::new();
        sources(&web, "", &mut names);
        names.sort();
        let lines: String = names
            .iter()
            .map(|name| {
                format!("{}  {name}\n", hex::encode(Sha256::digest(fs::read(web.join(name)).unwrap())))
            })
            .collect();
        let advice = "run scripts/build-console";
        assert_eq!(locked("source"), hex::encode(Sha256::digest(lines)), "{advice}");
        assert_eq!(locked("console.tar"), hex::encode(Sha256::digest(files::TAR)), "{advice}");
    }

    /// The files that a module takes with it: those that it imports, and what those import.
    fn taken(files: &Files, name: &str, found: &mut Vec<String>) {
        if found.iter().any(|known| known == name) {
            return;
        }
        found.push(name.to_owned());
        let text = files.text(&format!("assets/{name}"));
        for start in ["from\"./", "from'./", "from`./", "import\"./", "import'./", "import`./"] {
            for (at, _) in text.match_indices(start) {
                let rest = &text[at + start.len()..];
                let end = rest.find(['"', '\'', '`']).unwrap();
                taken(files, &rest[..end], found);
            }
        }
    }

    #[test]
    fn the_console_and_each_page_of_it_are_small() {
        assert!(files::TAR.len() <= TAR_MOST, "console.tar has {} bytes", files::TAR.len());
        let files = Files::read();
        let index = files.text("index.html");
        let scripts: Vec<_> = files.names().filter_map(|name| name.strip_prefix("assets/")).collect();
        let entry = scripts.iter().find(|name| name.ends_with(".js") && index.contains(**name)).unwrap();
        let language = scripts.iter().find(|name| name.starts_with("zh-") && name.ends_with(".js")).unwrap();
        let pages = scripts.iter().filter(|name| {
            ["requests-", "failed-", "questions-", "plugins-", "secrets-"]
                .iter()
                .any(|page| name.starts_with(page))
                && name.ends_with(".js")
        });
        let mut seen = 0;
        for page in pages {
            let mut loaded = Vec::new();
            for name in [entry, language, page] {
                taken(&files, name, &mut loaded);
            }
            let bytes: usize =
                loaded.iter().map(|name| files.get(&format!("assets/{name}")).unwrap().brotli().len()).sum();
            assert!(bytes <= PAGE_MOST, "{page} loads {bytes} bytes of JavaScript: {loaded:?}");
            seen += 1;
        }
        assert!(seen >= 5, "the pages are not where they were: {scripts:?}");
    }

    #[test]
    fn a_browser_is_told_from_a_program() {
        let asked = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            wants_page(&headers)
        };
        assert!(
            asked("text/html,application/xhtml+xml,*/*;q=0.8") && asked("application/json, Text/HTML;q=0.9")
        );
        assert!(!asked("*/*") && !asked("application/json") && !wants_page(&HeaderMap::new()));
    }
}
