//! What the pages of questions say, in the reader's language. What an author wrote stays as it is.

use http::{HeaderMap, header};

use crate::model::AnswerError;

/// The words of one language.
pub(super) struct Words {
    /// The language tag of the page, for its `lang` attribute.
    pub(super) tag: &'static str,
    /// The heading of a question without a title.
    pub(super) question: &'static str,
    /// `{}` is a time.
    pub(super) until: &'static str,
    pub(super) name: &'static str,
    pub(super) comment: &'static str,
    pub(super) optional: &'static str,
    pub(super) named: &'static str,
    /// `{}` is the answer.
    pub(super) you_answered: &'static str,
    /// `{}` is the answer.
    pub(super) was_answered: &'static str,
    pub(super) too_late: &'static str,
    pub(super) by: &'static str,
    pub(super) at: &'static str,
    pub(super) close: &'static str,
    pub(super) expired: &'static str,
    /// `{}` is a time.
    pub(super) ended: &'static str,
    pub(super) withdrawn: &'static str,
    pub(super) not_needed: &'static str,
    pub(super) not_yet: &'static str,
    pub(super) reload: &'static str,
    pub(super) unknown: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) used: &'static str,
    pub(super) goes_on: &'static str,
    choose: &'static str,
    needs_comment: &'static str,
    needs_name: &'static str,
    /// `{}` is a number.
    too_long: &'static str,
}

const ENGLISH: Words = Words {
    tag: "en",
    question: "A question for you",
    until: "You can answer until {}.",
    name: "Your name",
    comment: "Comment",
    optional: "optional",
    named: "Your link suggests the highlighted answer. Nothing is sent until you press a button.",
    you_answered: "You answered: {}",
    was_answered: "Answered: {}",
    too_late: "Your answer was not taken, because the question was closed before.",
    by: "By",
    at: "Time",
    close: "You can close this page.",
    expired: "Nobody answered in time",
    ended: "The question was open until {}.",
    withdrawn: "This question is closed",
    not_needed: "An answer is not needed any more.",
    not_yet: "This question is not open yet",
    reload: "Load this page again in a moment.",
    unknown: "This link does not work",
    incomplete: "It is not complete, or what it was for is long over.",
    used: "This link was used already",
    goes_on: "Nobody waits for it any more.",
    choose: "Please choose one of the answers.",
    needs_comment: "Please write a comment.",
    needs_name: "Please give your name.",
    too_long: "A text is too long: {} characters are the most.",
};

const CHINESE: Words = Words {
    tag: "zh-CN",
    question: "需要你回答的问题",
    until: "请在 {} 前回答。",
    name: "你的姓名",
    comment: "备注",
    optional: "选填",
    named: "链接预选了高亮的答案，点击按钮后才会提交。",
    you_answered: "你的回答：{}",
    was_answered: "已回答：{}",
    too_late: "你的回答没有提交成功，因为问题在此之前已经结束。",
    by: "回答人",
    at: "时间",
    close: "可以关闭此页面了。",
    expired: "无人按时回答",
    ended: "这个问题的截止时间是 {}。",
    withdrawn: "问题已关闭",
    not_needed: "已经不再需要回答。",
    not_yet: "问题尚未开放",
    reload: "请稍后刷新此页面。",
    unknown: "链接无效",
    incomplete: "链接不完整，或对应的事项早已结束。",
    used: "链接已被使用",
    goes_on: "已经没有流程在等待它。",
    choose: "请选择一个答案。",
    needs_comment: "请填写备注。",
    needs_name: "请填写你的姓名。",
    too_long: "内容过长：最多 {} 个字符。",
};

impl Words {
    /// Why an answer was not taken.
    pub(super) fn refusal(&self, error: &AnswerError) -> String {
        match error {
            AnswerError::Missing { .. } | AnswerError::Unknown { .. } | AnswerError::NotText { .. } => {
                self.choose.to_owned()
            }
            AnswerError::Needs { field } => {
                (if *field == "name" { self.needs_name } else { self.needs_comment }).to_owned()
            }
            AnswerError::TooLong { most, .. } => self.too_long.replace("{}", &most.to_string()),
        }
    }

    /// The words that a reader prefers (RFC 9110 section 12.5.4); English when it asks for neither.
    pub(super) fn of(headers: &HeaderMap) -> &'static Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best: Option<(f32, &'static Self)> = None;
        for range in accepted.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let primary = parts.next().unwrap_or_default().split('-').next().unwrap_or_default();
            let words = match primary.to_ascii_lowercase().as_str() {
                "en" => &ENGLISH,
                "zh" => &CHINESE,
                _ => continue,
            };
            let quality =
                parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok());
            let quality: f32 = quality.filter(|quality| *quality > 0.0).unwrap_or_default();
            if quality > best.map_or(0.0, |(best, _)| best) {
                best = Some((quality, words));
            }
        }
        best.map_or(&ENGLISH, |(_, words)| words)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_reader_gets_the_language_that_it_prefers() {
        for (asked, tag) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
            ("zh-TW", "zh-CN"),
            ("ZH", "zh-CN"),
            ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
            ("en;q=0.5, zh;q=0.7", "zh-CN"),
            ("fr, zh;q=0.1", "zh-CN"),
            ("zh;q=0", "en"),
            ("zh;q=high", "en"),
            ("de,fr", "en"),
            ("*", "en"),
            ("", "en"),
            (",;,;q=,zhx", "en"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_str(asked).unwrap());
            assert_eq!(Words::of(&headers).tag, tag, "{asked}");
        }
        assert_eq!(Words::of(&HeaderMap::new()).tag, "en");
    }
}
