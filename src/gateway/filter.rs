//! The filter of a trigger: which verified deliveries start a run.
//!
//! The filter is asked after verification and decoding, before anything is claimed or stored. If it asks for a field that
//! the delivery does not have, it cannot be answered. Then it lets the delivery through, unless the trigger says otherwise: a
//! mistake in a filter must not lose an event. The run says that the filter was not answered.

use crate::{
    engine::EventRoots,
    model::{ConditionExpr, Event, FieldError},
    template::{Condition, Root},
};

/// The condition of a trigger's `filter`, compiled.
#[derive(Debug)]
pub(super) struct Filter {
    condition: Condition,
}

impl Filter {
    /// # Errors
    /// What is no condition, or reads more than the delivery.
    pub(super) fn compile(expr: &ConditionExpr) -> Result<Self, FieldError> {
        let wrong = |message: String| FieldError::new("trigger.filter", message);
        let condition = Condition::compile(expr).map_err(|error| wrong(error.to_string()))?;
        match condition.references().iter().find(|path| path.root() != Root::Context) {
            Some(path) => Err(wrong(format!(
                "it reads {}, but before the run there is nothing but the delivery: read context",
                path.root()
            ))),
            None => Ok(Self { condition }),
        }
    }

    /// Whether the delivery starts a run.
    ///
    /// # Errors
    /// Why the question cannot be answered for it.
    pub(super) fn lets_through(&self, event: &Event) -> Result<bool, String> {
        let references = self.condition.references();
        // A question about `context` itself may be about any part of it.
        let roots = if references.iter().all(|path| path.name().is_some()) {
            EventRoots::new(event, references.into_iter())
        } else {
            EventRoots::whole(event)
        };
        self.condition.eval(&roots).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{JsonText, StartKind, Started, Workflow};

    fn filter(value: serde_json::Value) -> Result<Filter, FieldError> {
        let trigger = json!({ "type": "webhook", "filter": value });
        let workflow = Workflow::from_value(json!({ "key": "a", "trigger": trigger, "steps": [] })).unwrap();
        Filter::compile(workflow.webhooks().next().unwrap().1.filter.as_ref().unwrap())
    }

    #[test]
    fn a_filter_is_asked_about_the_delivery() {
        let mut event = Event::of_data(&JsonText::from_value(&json!({"action": "opened", "n": 3})));
        event.headers.push(("x-event".to_owned(), "push".to_owned()));
        event.params.push(("id".to_owned(), "7".to_owned()));
        event.trigger = Started { name: "orders".parse().ok(), kind: Some(StartKind::Webhook) };
        let cases = [
            (json!("context.data.action == 'opened'"), Some(true)),
            (json!("context.data.action == 'closed'"), Some(false)),
            (json!("context.headers['x-event'] in ['push', 'tag'] && context.params.id == '7'"), Some(true)),
            (json!("has(context.data.missing)"), Some(false)),
            (json!("context['data'].n > 5"), Some(false)),
            (json!({"left": "{{$context.data.n}}", "op": "<", "right": 3}), Some(false)),
            (json!({"left": "{{$context.data.missing}}", "op": "exists"}), Some(false)),
            (json!("context.trigger.name == 'orders' && context.trigger.type == 'webhook'"), Some(true)),
            (json!("context.data.missing == 1"), None),
            (json!("context.data.n"), None),
        ];
        for (expr, expected) in cases {
            let filter = filter(expr.clone()).unwrap();
            assert_eq!(filter.lets_through(&event).ok(), expected, "{expr}");
        }
    }

    #[test]
    fn a_filter_that_is_wrong_is_told_at_once() {
        for expr in [
            json!("context.data.action = 1"),
            json!("steps.parse.ok"),
            json!("env.NAME == ''"),
            json!("secrets.KEY == ''"),
            json!({"left": "{{$run.id}}", "op": "exists"}),
            json!("data.x == 1"),
        ] {
            let error = filter(expr.clone()).unwrap_err();
            assert_eq!(error.path, "trigger.filter", "{expr}");
        }
    }
}
