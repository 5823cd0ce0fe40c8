//! Markdown to HTML that is safe to put into a page or a mail.

use flowcell_plugin::{Context, Error, plugin};
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    markdown: String,
    /// Escapes raw HTML, and takes the target from links and images that are not http, https, mailto, tel or relative.
    #[serde(default = "yes")]
    sanitize: bool,
    /// Makes every line break one in the HTML, as comments on GitHub do.
    #[serde(default)]
    breaks: bool,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Output {
    html: String,
}

fn yes() -> bool {
    true
}

plugin! {
    run,
    examples: [
        "A task list": {"markdown": "- [x] paste\n- [ ] ~~pray~~ run\n"} => {"html": "<ul>\n<li><input disabled=\"\" type=\"checkbox\" checked=\"\"/>\npaste</li>\n<li><input disabled=\"\" type=\"checkbox\"/>\n<del>pray</del> run</li>\n</ul>\n"},
        "Raw HTML is escaped": {"markdown": "<script>alert(1)</script>"} => {"html": "&lt;script&gt;alert(1)&lt;/script&gt;"},
        "A table": {"markdown": "|a|b|\n|-|-:|\n|1|2|\n"} => {"html": "<table><thead><tr><th>a</th><th style=\"text-align: right\">b</th></tr></thead><tbody>\n<tr><td>1</td><td style=\"text-align: right\">2</td></tr>\n</tbody></table>\n"},
    ],
}

fn run(input: Input, _: &Context) -> Result<Output, Error> {
    let extensions = Options::ENABLE_TABLES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES;
    let events = Parser::new_ext(&input.markdown, extensions).map(|event| {
        let event = if input.sanitize { safe(event) } else { event };
        match event {
            Event::SoftBreak if input.breaks => Event::HardBreak,
            event => event,
        }
    });
    let mut html = String::with_capacity(input.markdown.len() * 3 / 2);
    html::push_html(&mut html, events);
    Ok(Output { html })
}

/// Without what the author of the Markdown could run code with: everything else is written by the renderer, which escapes it.
fn safe(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe_url(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe_url(dest_url), title, id })
        }
        event => event,
    }
}

fn safe_url(url: CowStr<'_>) -> CowStr<'_> {
    // Browsers skip control characters and spaces: `java\nscript:` is one scheme to them.
    let seen: String = url.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
    let scheme = match seen.split_once(':') {
        Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => scheme.to_ascii_lowercase(),
        _ => return url,
    };
    if matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel") { url } else { CowStr::Borrowed("") }
}

#[cfg(test)]
mod tests {
    use flowcell_plugin::{serde_json::json, testing};

    use super::*;

    fn html(markdown: &str, sanitize: bool) -> String {
        let input = Input { markdown: markdown.into(), sanitize, breaks: false };
        run(input, &testing::context()).expect("rendering cannot fail").html
    }

    #[test]
    fn the_examples_are_true() {
        testing::check_examples(describe(), run);
    }

    #[test]
    fn what_could_run_code_is_taken_away() {
        let cases = [
            ("[a](javascript:alert(1))", "<p><a href=\"\">a</a></p>\n"),
            ("[a](JaVa&#10;Script:alert(1))", "<p><a href=\"\">a</a></p>\n"),
            ("<javascript:alert(1)>", "<p><a href=\"\">javascript:alert(1)</a></p>\n"),
            ("![a](data:text/html,x)", "<p><img src=\"\" alt=\"a\" /></p>\n"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[a](/x?y=b:c#d)", "<p><a href=\"/x?y=b:c#d\">a</a></p>\n"),
            (
                "[a](https://example.com \"t\\\"<\")",
                "<p><a href=\"https://example.com\" title=\"t&quot;&lt;\">a</a></p>\n",
            ),
        ];
        for (markdown, expected) in cases {
            assert_eq!(html(markdown, true), expected, "{markdown}");
        }
    }

    #[test]
    fn raw_html_stays_when_asked() {
        assert_eq!(html("a <b>b</b>", false), "<p>a <b>b</b></p>\n");
    }

    #[test]
    fn an_input_with_a_wrong_field_says_which() {
        let error = testing::call(run, &json!({"markdwon": ""})).unwrap_err();
        assert_eq!(error.code, "bad_input");
        assert!(error.message.contains("markdwon"), "{}", error.message);
    }
}
