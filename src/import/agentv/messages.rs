//! Messages as AgentV writes them: a plain text, a list of `{role, content}`, or a Markdown file of both.
//!
//! A single message of nothing but a role and a text is stored as that text, so that the full row of an execution
//! (which holds messages) and the compact one (whose file holds text) give the same words. Anything richer stays JSON.

use serde_json::{Map, Value, json};

use super::super::json as fields;

/// What a message in a row is stored as; an empty list is missing.
pub(super) fn stored(value: &Value) -> Option<String> {
    match value {
        Value::Array(messages) if messages.is_empty() => None,
        Value::Array(messages) => match messages.as_slice() {
            [Value::Object(message)] => {
                Some(bare_text(message).map_or_else(|| value.to_string(), str::to_owned))
            }
            _ => Some(value.to_string()),
        },
        other => fields::stored_text(other),
    }
}

/// The text of a message that has nothing but a role and a text.
fn bare_text(message: &Map<String, Value>) -> Option<&str> {
    let bare = message.keys().all(|name| name == "role" || name == "content");
    message.get("content").and_then(Value::as_str).filter(|_| bare)
}

/// What a Markdown file of messages is stored as. In such a file a line `@[role]:` begins a message; a file that
/// does not begin with `@[` is one message as it stands.
pub(super) fn stored_markdown(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return None;
    }
    if !text.starts_with("@[") {
        return Some(text.trim_end_matches(['\n', '\r']).to_owned());
    }
    let mut messages: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (role_of(line), messages.last_mut()) {
            (Some(role), _) => messages.push((role.to_owned(), String::new())),
            (None, Some((_, content))) => {
                content.push_str(line);
                content.push('\n');
            }
            // The first line begins with `@[` but is no header: one message as it stands.
            (None, None) => return Some(text.trim_end().to_owned()),
        }
    }
    let messages: Vec<Value> = messages
        .into_iter()
        .map(|(role, content)| json!({"role": role, "content": content.trim_end_matches('\n')}))
        .collect();
    stored(&Value::Array(messages)).filter(|text| !text.is_empty())
}

fn role_of(line: &str) -> Option<&str> {
    let role = line.trim_end().strip_prefix("@[")?.strip_suffix("]:")?;
    (!role.is_empty() && !role.contains(']')).then_some(role)
}

/// What was asked, from a transcript of AgentV 5: the texts of the turns before the first answer.
pub(super) fn asked_in_transcript(transcript: &Map<String, Value>) -> Option<String> {
    let turns = transcript.get("turns")?.as_array()?;
    let mut asked = Vec::new();
    for turn in turns.iter().filter_map(Value::as_object) {
        let role = fields::text(turn, &["type", "role"])?;
        if role != "user" && role != "system" {
            break;
        }
        let content = turn.get("content")?;
        let text = match content.as_array().map(Vec::as_slice) {
            Some([Value::Object(part)]) => fields::text(part, &["text"])?,
            Some(_) => content.to_string(),
            None => fields::stored_text(content)?,
        };
        asked.push(json!({"role": role, "content": text}));
    }
    stored(&Value::Array(asked))
}

/// A trace without the messages and events that only say once more what was asked and answered.
pub(super) fn trace_without_text(trace: &Value) -> Value {
    let Some(object) = trace.as_object() else { return trace.clone() };
    let list = |name| object.get(name).and_then(Value::as_array);
    let plain_messages = list("messages")
        .is_some_and(|all| all.iter().all(|message| message.as_object().and_then(bare_text).is_some()));
    let plain_events = list("events").is_some_and(|all| {
        all.iter().all(|event| matches!(event["type"].as_str(), Some("message" | "final_response")))
    });
    let mut kept = object.clone();
    kept.retain(|name, _| !(name == "messages" && plain_messages || name == "events" && plain_events));
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_its_file_give_the_same_words() {
        let row = json!([{"role": "user", "content": "Where is it?\nNow."}]);
        assert_eq!(stored(&row).as_deref(), Some("Where is it?\nNow."));
        assert_eq!(stored_markdown("@[user]:\nWhere is it?\nNow.").as_deref(), Some("Where is it?\nNow."));
        assert_eq!(stored_markdown("Refunds take 14 days.\n").as_deref(), Some("Refunds take 14 days."));
        let both = json!([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]);
        assert_eq!(stored_markdown("@[system]:\nBe kind.\n\n@[user]:\nHi\n"), stored(&both));
    }

    #[test]
    fn nothing_is_missing_and_rich_messages_stay_whole() {
        assert_eq!(stored(&json!([])), None);
        assert_eq!(stored_markdown("  \n"), None);
        let rich = json!([{"role": "assistant", "content": "x", "tool_calls": []}]);
        assert_eq!(stored(&rich), Some(rich.to_string()));
    }

    #[test]
    fn a_trace_keeps_events_that_tell_more() {
        let plain = json!({"llm_call_count": 1, "messages": [{"role": "user", "content": "a"}],
            "events": [{"type": "message"}]});
        assert_eq!(trace_without_text(&plain), json!({"llm_call_count": 1}));
        let tools = json!({"events": [{"type": "tool_call", "name": "rg"}]});
        assert_eq!(trace_without_text(&tools), tools);
    }
}
