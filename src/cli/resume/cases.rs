//! `--cases FILE`: the cases that were planned, as a person has them: a list of ids, or the suite itself.
//!
//! What a file is, its ending says; standard input is told by its first letter. Ids are texts: a number is its text.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::super::context::{Context, shown_path};
use super::super::exit::{BAD_DATA, CliError};
use super::super::output::Report;
use crate::answer::number::counted;
use crate::import::json::text;
use crate::model::few;
use crate::session::PlannedCase;
use crate::source::{LocalDisk, near_path};

/// What an id is called, first of all.
const IDS: [&str; 3] = ["case_id", "test_id", "id"];
/// What a model is called.
const MODELS: [&str; 2] = ["model", "target"];
/// What a task is called.
const TASKS: [&str; 2] = ["task", "suite"];
/// What a list of cases is called inside an object.
const LISTS: [&str; 2] = ["tests", "cases"];

const HINT: &str =
    "one id per line, or .json, .jsonl or .csv with case_id, test_id or id, or an AgentV suite (.yaml)";

/// What is wrong with a list of cases.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum CasesError {
    /// It holds something else than a case.
    #[error("{place}: expected {expected}, found {found}")]
    Unexpected { place: String, expected: &'static str, found: String },
    /// It is not of its form.
    #[error("{place}: {problem}")]
    Broken { place: String, problem: String },
    /// It holds nothing.
    #[error("no case ids are in it")]
    Empty,
}

/// The cases of a file, each once.
///
/// # Errors
/// When the file is not there, or holds no list of cases.
pub(super) fn planned(file: &str, context: &Context<'_>) -> Result<Vec<PlannedCase>, CliError> {
    let (name, content) = if file == "-" {
        ("standard input".to_owned(), standard_input(context)?)
    } else {
        (shown_path(Path::new(file)), read(file)?)
    };
    let content = content.strip_prefix('\u{feff}').unwrap_or(&content);
    let cases = parsed(content, Form::of(file, content)).map_err(|error| {
        let report = Report::new(format!("--cases {name}: {error}")).hint(HINT);
        CliError { code: BAD_DATA, report: Some(report) }
    })?;
    let all = cases.len();
    let mut seen = HashSet::new();
    let key = |case: &PlannedCase| (case.task.clone(), case.case_id.clone(), case.model.clone());
    let mut twice: Vec<String> = Vec::new();
    let cases: Vec<PlannedCase> = cases
        .into_iter()
        .filter(|case| {
            let is_new = seen.insert(key(case));
            if !is_new && !twice.contains(&case.case_id) && twice.len() < 100 {
                twice.push(case.case_id.clone());
            }
            is_new
        })
        .collect();
    if let Some(more @ 1..) = all.checked_sub(cases.len()) {
        let said = counted(
            more,
            "case stands there again and counts once",
            "cases stand there again and count once",
        );
        context.output.note(&format!("--cases {name}: {said}: {}", few(&twice, 5)));
    }
    Ok(cases)
}

fn read(file: &str) -> Result<String, CliError> {
    std::fs::read(file)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let near = near_path(&LocalDisk, Path::new(file));
                let hint = near.map(|near| format!("did you mean {}?", near.display()));
                CliError::not_found(format!("--cases {file}: there is no such file"), hint.as_deref())
            }
            _ => CliError::not_found(format!("--cases {file}: {error}"), None),
        })
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| {
                let report = Report::new(format!("--cases {file}: this is no text in UTF-8")).hint(HINT);
                CliError { code: BAD_DATA, report: Some(report) }
            })
        })
}

fn standard_input(context: &Context<'_>) -> Result<String, CliError> {
    let environment = context.output.environment();
    if environment.stdin_taken {
        let said = "--cases - reads standard input, and the shell reads that itself";
        return Err(CliError::usage(said, Some(HINT)));
    }
    if environment.stdin_terminal {
        return Err(CliError::usage("--cases - reads standard input, and that is this terminal", Some(HINT)));
    }
    std::io::read_to_string(std::io::stdin())
        .map_err(|error| CliError::usage(format!("standard input: {error}"), None))
}

/// How a list of cases is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Lines,
    Json,
    JsonLines,
    Csv(u8),
    Yaml,
}

impl Form {
    fn of(file: &str, content: &str) -> Self {
        let ending = Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_lowercase().as_str() {
            "json" => Self::Json,
            "jsonl" | "ndjson" => Self::JsonLines,
            "csv" => Self::Csv(b','),
            "tsv" => Self::Csv(b'\t'),
            "yaml" | "yml" => Self::Yaml,
            _ if file == "-" => Self::of_input(content),
            _ => Self::Lines,
        }
    }

    /// Objects one after the other are JSON lines; one document is JSON.
    fn of_input(content: &str) -> Self {
        match content.trim_start().chars().next() {
            Some('[') => Self::Json,
            Some('{') if serde_json::from_str::<serde::de::IgnoredAny>(content).is_ok() => Self::Json,
            Some('{') => Self::JsonLines,
            _ => Self::Lines,
        }
    }
}

fn parsed(content: &str, form: Form) -> Result<Vec<PlannedCase>, CasesError> {
    let cases = match form {
        Form::Lines => content
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| PlannedCase { case_id: line.to_owned(), ..PlannedCase::default() })
            .collect(),
        Form::Json => of_json(content)?,
        Form::JsonLines => of_json_lines(content)?,
        Form::Csv(separator) => of_csv(content, separator)?,
        Form::Yaml => of_yaml(content)?,
    };
    if cases.is_empty() { Err(CasesError::Empty) } else { Ok(cases) }
}

fn of_json(content: &str) -> Result<Vec<PlannedCase>, CasesError> {
    if content.trim().is_empty() {
        return Err(CasesError::Empty);
    }
    let value: Value = serde_json::from_str(content).map_err(|error| CasesError::Broken {
        place: format!("line {}", error.line()),
        problem: format!("the JSON does not parse: {error}"),
    })?;
    let list = match &value {
        Value::Object(object) => LISTS.iter().find_map(|name| object.get(*name)).unwrap_or(&value),
        other => other,
    };
    let Value::Array(items) = list else {
        return Err(CasesError::Unexpected {
            place: "line 1".to_owned(),
            expected: "a list of cases, or an object with tests or cases",
            found: kind(list).to_owned(),
        });
    };
    let cases = items.iter().enumerate();
    cases.map(|(at, item)| of_value(item, || format!("item {}", at + 1))).collect()
}

fn of_json_lines(content: &str) -> Result<Vec<PlannedCase>, CasesError> {
    let lines = content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let place = || format!("line {}", at + 1);
            let value = serde_json::from_str(line).map_err(|error| CasesError::Broken {
                place: place(),
                problem: format!("the JSON does not parse: {error}"),
            })?;
            of_value(&value, place)
        })
        .collect()
}

/// A case as a text, a number or an object.
fn of_value(value: &Value, place: impl Fn() -> String) -> Result<PlannedCase, CasesError> {
    let unexpected = |found: String| CasesError::Unexpected {
        place: place(),
        expected: "an id, or an object with case_id, test_id or id",
        found,
    };
    let case = match value {
        Value::String(id) => PlannedCase { case_id: id.clone(), ..PlannedCase::default() },
        Value::Number(id) => PlannedCase { case_id: id.to_string(), ..PlannedCase::default() },
        Value::Object(object) => PlannedCase {
            case_id: text(object, &IDS).ok_or_else(|| unexpected(fields(object)))?,
            model: text(object, &MODELS),
            task: text(object, &TASKS),
        },
        other => return Err(unexpected(kind(other).to_owned())),
    };
    if case.case_id.is_empty() { Err(unexpected("an empty id".to_owned())) } else { Ok(case) }
}

fn fields(object: &Map<String, Value>) -> String {
    let names: Vec<&String> = object.keys().collect();
    if names.is_empty() { "an empty object".to_owned() } else { format!("an object with {}", few(&names, 5)) }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object without them",
    }
}

fn of_csv(content: &str, separator: u8) -> Result<Vec<PlannedCase>, CasesError> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).from_reader(content.as_bytes());
    let broken = |error: csv::Error| CasesError::Broken {
        place: format!("line {}", error.position().map_or(1, csv::Position::line)),
        problem: error.to_string(),
    };
    let heads = reader.headers().map_err(broken)?.clone();
    if heads.is_empty() {
        return Err(CasesError::Empty);
    }
    let column = |names: &[&str]| {
        names.iter().find_map(|name| heads.iter().position(|head| head.eq_ignore_ascii_case(name)))
    };
    let id = column(&IDS).ok_or_else(|| CasesError::Unexpected {
        place: "line 1".to_owned(),
        expected: "a column case_id, test_id or id",
        found: few(&heads.iter().collect::<Vec<_>>(), 8),
    })?;
    let (model, task) = (column(&MODELS), column(&TASKS));
    let mut cases = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let value = |column: Option<usize>| {
            column.and_then(|column| record.get(column)).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let case_id = value(Some(id)).ok_or_else(|| CasesError::Unexpected {
            place: format!("line {}", record.position().map_or(0, csv::Position::line)),
            expected: "an id",
            found: "an empty cell".to_owned(),
        })?;
        cases.push(PlannedCase { case_id, model: value(model), task: value(task) });
    }
    Ok(cases)
}

/// A case of a YAML list as an object. Ids stay as they are written, so that `007` is no 7; what else may be an object of
/// the tool's own is looked at as it is.
#[derive(Deserialize)]
struct YamlCase {
    case_id: Option<String>,
    test_id: Option<String>,
    id: Option<String>,
    model: Option<Value>,
    target: Option<Value>,
    task: Option<Value>,
    suite: Option<Value>,
}

#[derive(Deserialize)]
struct YamlSuite<T> {
    #[serde(alias = "cases")]
    tests: Vec<Spanned<T>>,
}

/// First the shape, then the cases in it, as texts.
fn of_yaml(content: &str) -> Result<Vec<PlannedCase>, CasesError> {
    let shape: Value = serde_saphyr::from_str(content).map_err(|error| broken_yaml(&error))?;
    let (list, named) = match &shape {
        Value::Null => return Err(CasesError::Empty),
        Value::Object(object) => match LISTS.iter().find_map(|name| object.get(*name)) {
            Some(list) => (list, true),
            None => (&shape, false),
        },
        other => (other, false),
    };
    let Value::Array(items) = list else {
        return Err(CasesError::Unexpected {
            place: "line 1".to_owned(),
            expected: "a list of cases, or a suite with tests or cases",
            found: match list {
                Value::String(path) if named => format!("tests: {path}, another file"),
                other => kind(other).to_owned(),
            },
        });
    };
    if items.iter().all(Value::is_object) {
        let cases: Vec<Spanned<YamlCase>> = listed(content, named)?;
        return cases.iter().map(of_yaml_case).collect();
    }
    let ids: Vec<Spanned<String>> = listed(content, named)?;
    let of_id = |id: Spanned<String>| PlannedCase { case_id: id.value, ..PlannedCase::default() };
    Ok(ids.into_iter().map(of_id).collect())
}

fn listed<T: serde::de::DeserializeOwned>(content: &str, named: bool) -> Result<Vec<Spanned<T>>, CasesError> {
    if named {
        return serde_saphyr::from_str::<YamlSuite<T>>(content)
            .map(|suite| suite.tests)
            .map_err(|error| broken_yaml(&error));
    }
    serde_saphyr::from_str(content).map_err(|error| broken_yaml(&error))
}

fn of_yaml_case(case: &Spanned<YamlCase>) -> Result<PlannedCase, CasesError> {
    let written = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
    let YamlCase { case_id, test_id, id, model, target, task, suite } = &case.value;
    let id = [case_id, test_id, id].into_iter().flatten().find(|id| !id.is_empty());
    Ok(PlannedCase {
        case_id: id.cloned().ok_or_else(|| CasesError::Unexpected {
            place: format!("line {}", case.referenced.line()),
            expected: "a case with case_id, test_id or id",
            found: "one without".to_owned(),
        })?,
        model: written(model).or_else(|| written(target)),
        task: written(task).or_else(|| written(suite)),
    })
}

fn broken_yaml(error: &serde_saphyr::Error) -> CasesError {
    let error = error.without_snippet();
    let line = error.location().map_or(1, |location| location.line());
    CasesError::Broken { place: format!("line {line}"), problem: format!("the YAML does not read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(content: &str, form: Form) -> Vec<String> {
        parsed(content, form).unwrap().into_iter().map(|case| case.case_id).collect()
    }

    fn said(content: &str, form: Form) -> String {
        parsed(content, form).unwrap_err().to_string()
    }

    #[test]
    fn every_form_gives_the_same_cases() {
        let wanted = ["a", "edge [x] (v2)*", "007"];
        let forms = [
            ("a\n  edge [x] (v2)*\r\n\n007\n", Form::Lines),
            (r#"["a", "edge [x] (v2)*", "007"]"#, Form::Json),
            (r#"{"tests": [{"id": "a"}, {"test_id": "edge [x] (v2)*"}, {"case_id": "007"}]}"#, Form::Json),
            ("{\"id\": \"a\"}\n\n\"edge [x] (v2)*\"\n{\"case_id\": \"007\", \"id\": 1}\n", Form::JsonLines),
            ("n,id\n1,a\n2,edge [x] (v2)*\n3,007\n", Form::Csv(b',')),
            ("- a\n- edge [x] (v2)*\n- 007\n", Form::Yaml),
            ("- id: a\n- test_id: 'edge [x] (v2)*'\n- case_id: 007\n", Form::Yaml),
            (
                "name: x\ncases:\n  - id: a\n  - id: edge [x] (v2)*\n    input: |\n      - id: no\n  - id: 007\n",
                Form::Yaml,
            ),
        ];
        for (content, form) in forms {
            assert_eq!(ids(content, form), wanted, "{content}");
        }
        assert_eq!(ids("[7, 1.5]", Form::Json), ["7", "1.5"]);
        assert_eq!(ids("- 7\n- true\n", Form::Yaml), ["7", "true"]);
    }

    #[test]
    fn models_and_tasks_are_taken_where_they_are_given() {
        let case = |model: &str, task: &str| PlannedCase {
            task: Some(task.to_owned()),
            case_id: "a".to_owned(),
            model: Some(model.to_owned()),
        };
        let row = r#"{"test_id": "a", "target": "gpt-x", "suite": "support-bot", "score": 1}"#;
        assert_eq!(parsed(row, Form::JsonLines), Ok(vec![case("gpt-x", "support-bot")]));
        assert_eq!(parsed("case_id,Model,task\na,m,t\n", Form::Csv(b',')), Ok(vec![case("m", "t")]));
        assert_eq!(parsed("- id: a\n  target: {name: x}\n", Form::Yaml).unwrap()[0].model, None);
    }

    #[test]
    fn what_is_no_list_of_cases_says_where_and_what() {
        let wrong = [
            (said("", Form::Lines), "no case ids are in it"),
            (said("[]", Form::Json), "no case ids are in it"),
            (said("# only a remark\n", Form::Yaml), "no case ids are in it"),
            (
                said("{\"x\": 1}", Form::Json),
                "line 1: expected a list of cases, or an object with tests or cases, found an object without them",
            ),
            (
                said("[\"a\", {\"name\": \"b\"}]", Form::Json),
                "item 2: expected an id, or an object with case_id, test_id or id, found an object with name",
            ),
            (
                said("{\"id\": \"a\"}\n{\"id\"", Form::JsonLines),
                "line 2: the JSON does not parse: EOF while parsing an object at line 1 column 5",
            ),
            (
                said("name,score\na,1\n", Form::Csv(b',')),
                "line 1: expected a column case_id, test_id or id, found name, score",
            ),
            (said("id,n\na,1\n,2\n", Form::Csv(b',')), "line 3: expected an id, found an empty cell"),
            (
                said("tests:\n  - id: a\n  - input: b\n", Form::Yaml),
                "line 3: expected a case with case_id, test_id or id, found one without",
            ),
            (
                said("tests: ./cases.jsonl\n", Form::Yaml),
                "line 1: expected a list of cases, or a suite with tests or cases, found tests: ./cases.jsonl, another file",
            ),
        ];
        for (said, expected) in wrong {
            assert_eq!(said, expected);
        }
        assert!(
            said("tests:\n  - id: 'a\n", Form::Yaml).starts_with("line "),
            "{}",
            said("tests:\n  - id: 'a\n", Form::Yaml)
        );
    }

    #[test]
    fn a_file_is_what_its_ending_says_and_input_what_it_begins_with() {
        assert_eq!(Form::of("evals/x.eval.yaml", ""), Form::Yaml);
        assert_eq!(Form::of("CASES.JSON", ""), Form::Json);
        assert_eq!(Form::of("ids", "[x]"), Form::Lines);
        assert_eq!(Form::of("-", " [\"a\"]"), Form::Json);
        assert_eq!(Form::of("-", "{\"tests\":\n[]}"), Form::Json);
        assert_eq!(Form::of("-", "{\"id\":1}\n{\"id\":2}"), Form::JsonLines);
        assert_eq!(Form::of("-", "a\n"), Form::Lines);
    }
}
