//! What is offered for a line with `|` at the cursor.

use super::*;

/// The names of a small store.
fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary::built_in();
    vocabulary
        .relations
        .insert("my".to_owned(), vec!["Score".to_owned(), "order".to_owned(), "arm".to_owned()]);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    vocabulary.values.insert("metric", texts(&["accuracy", "cost_usd", "it's"]));
    vocabulary.values.insert("run_id", texts(&["base::2026", "basic 2"]));
    vocabulary.values.insert("arm", texts(&["gpt-x", "claude-y"]));
    vocabulary.functions.extend(["median".to_owned(), "max".to_owned()]);
    vocabulary
}

/// The text with each candidate in the place of the word at the cursor.
fn offered(line: &str) -> Vec<String> {
    let cursor = line.find('|').expect("a cursor");
    let text = line.replacen('|', "", 1);
    let files = |typed: &str| -> Vec<Candidate> {
        let all = ["results.csv", "results/", "my file.csv"].iter();
        all.filter(|file| file.starts_with(typed)).map(|file| Candidate::plain(*file)).collect()
    };
    let (vocabulary, words) = (vocabulary(), Words::of_shell());
    let known = Known { vocabulary: &vocabulary, words: &words, files: &files };
    let (start, candidates) = complete(&text, cursor, &known);
    candidates.into_iter().map(|candidate| text[..start].to_owned() + &candidate.typed).collect()
}

fn contains(line: &str, expected: &str) -> bool {
    offered(line).iter().any(|text| text == expected)
}

#[test]
fn keywords_follow_the_case_of_what_is_typed() {
    assert_eq!(offered("sel|"), ["select"]);
    assert_eq!(offered("SEL|"), ["SELECT"]);
    assert_eq!(offered("select 1; SEL|"), ["select 1; SELECT"]);
    assert!(contains("SELECT * FROM runs |", "SELECT * FROM runs WHERE"));
    assert!(contains("select * from runs |", "select * from runs where"));
    assert!(contains("select * from runs wh|", "select * from runs where"));
}

#[test]
fn relations_stand_behind_from_join_and_commas() {
    assert_eq!(offered("SELECT * FROM metric_w|"), ["SELECT * FROM metric_winners"]);
    assert_eq!(offered("select * from runs r, metric_w|"), ["select * from runs r, metric_winners"]);
    assert_eq!(offered("select * from runs join metric_w|"), ["select * from runs join metric_winners"]);
    assert_eq!(
        offered("with mine as (select 1) select * from min|"),
        ["with mine as (select 1) select * from mine"]
    );
    assert!(!contains("select * from |", "select * from select"));
}

#[test]
fn columns_come_from_the_relations_of_the_query_before_and_behind_the_cursor() {
    assert_eq!(offered("select unsc| from metric_winners"), ["select unscored"]);
    assert_eq!(offered("select m.unsc| from metric_winners m"), ["select m.unscored"]);
    assert_eq!(
        offered("select * from metric_winners as m where m.unsc|"),
        ["select * from metric_winners as m where m.unscored"]
    );
    assert!(!contains("select unsc| from runs", "select unscored"));
    let all = offered("select | from my");
    assert_eq!(all, ["select \"Score\"", "select \"order\"", "select arm"]);
    assert_eq!(offered("select \"Sc| from my"), Vec::<String>::new());
    assert_eq!(offered("select * from my where \"Sc|"), ["select * from my where \"Score\""]);
}

#[test]
fn functions_are_called() {
    assert_eq!(offered("select media| from my"), ["select median("]);
    assert_eq!(offered("select media|(x) from my"), ["select median"]);
}

#[test]
fn texts_are_values_of_the_column_or_files() {
    let from = "select * from scores where";
    assert_eq!(offered(&format!("{from} metric = 'acc|")), [format!("{from} metric = 'accuracy'")]);
    assert_eq!(
        offered(&format!("{from} s.metric in ('accuracy', 'c|")),
        [format!("{from} s.metric in ('accuracy', 'cost_usd'")]
    );
    assert_eq!(offered(&format!("{from} metric = 'it|")), [format!("{from} metric = 'it''s'")]);
    assert_eq!(offered(&format!("{from} run_id = 'base|")), [format!("{from} run_id = 'base::2026'")]);
    assert_eq!(offered(&format!("{from} comment = 'a|")), Vec::<String>::new());
    assert_eq!(offered("select * from 'res|"), ["select * from 'results.csv'", "select * from 'results/"]);
    assert_eq!(offered("select 'acc| -- x"), Vec::<String>::new());
}

#[test]
fn commands_and_their_flags_are_offered_with_what_stands_behind_them() {
    assert_eq!(offered(".basel|"), [".baseline"]);
    assert_eq!(offered(".compa|"), [".compare"]);
    assert_eq!(offered("select 1;\n.compa|"), ["select 1;\n.compare"]);
    assert!(contains("\\|", "\\q"));
    assert_eq!(offered(".compare --basel|"), [".compare --baseline"]);
    assert_eq!(offered(".compare --baseline g|"), [".compare --baseline gpt-x"]);
    assert_eq!(offered(".compare --baseline=g|"), [".compare --baseline=gpt-x"]);
    assert!(contains(".compare --by |", ".compare --by model"));
    assert_eq!(offered(".runs --errors-as z|"), [".runs --errors-as zero"]);
    assert_eq!(offered(".show base|"), [".show base::2026"]);
    assert_eq!(offered(".runs --run basi|"), [".runs --run 'basic 2'"]);
    assert_eq!(offered(".runs --run 'basi|"), [".runs --run 'basic 2'"]);
    assert_eq!(offered(".by exp|"), [".by experiment"]);
    assert_eq!(offered(".baseline cl|"), [".baseline claude-y"]);
    assert_eq!(offered(".ingest my|"), [".ingest 'my file.csv'"]);
    assert_eq!(offered(".views metric_w|"), [".views metric_winners"]);
    assert_eq!(offered(".nothing |"), Vec::<String>::new());
}

#[test]
fn a_scope_is_a_predicate_over_runs() {
    assert_eq!(offered(".scope exper|"), [".scope experiment"]);
    assert_eq!(offered(".scope run_id = 'base|"), [".scope run_id = 'base::2026'"]);
    assert!(contains(".scope la|", ".scope last"));
    assert!(contains(".scope --ta|", ".scope --task"));
}

#[test]
fn nothing_is_offered_in_comments_and_numbers() {
    for line in ["select -- sel|", "select /* sel|", "select 12|"] {
        assert_eq!(offered(line), Vec::<String>::new(), "{line}");
    }
}
