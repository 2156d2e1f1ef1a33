//! Each Arrow type as JSON, as a CSV field and for a person.

use arrow::array::*;
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::*;

use super::*;

/// (type, JSON, CSV, person) of the first element, and that the second, a null, is null everywhere.
fn shown(array: ArrayRef) -> [String; 4] {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).unwrap();
    let arrays = plain_columns(&batch).unwrap();
    let fields = batch.schema_ref().fields().clone();
    let mut json = JsonColumn::new(&fields[0], &arrays[0]).unwrap();
    let mut csv = TextColumn::new(&fields[0], &arrays[0], Reader::Machine).unwrap();
    let mut person = TextColumn::new(&fields[0], &arrays[0], Reader::Person).unwrap();
    let mut first = Vec::new();
    json.write(0, &mut first);
    let first = String::from_utf8(first).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&first).is_ok(), "not JSON: {first}");
    if batch.num_rows() > 1 {
        let mut second = Vec::new();
        json.write(1, &mut second);
        assert_eq!(
            (second.as_slice(), csv.text(1).as_str(), person.text(1).as_str()),
            (&b"null"[..], "", "")
        );
    }
    [kind(fields[0].data_type()).to_owned(), first, csv.text(0), person.text(0)]
}

#[test]
fn integers_keep_every_digit() {
    let big = shown(Arc::new(Int64Array::from(vec![Some(i64::MIN), None])));
    assert_eq!(
        big,
        ["integer", "-9223372036854775808", "-9223372036854775808", "-9,223,372,036,854,775,808"]
    );
    let unsigned = shown(Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])));
    assert_eq!(
        unsigned,
        ["integer", "18446744073709551615", "18446744073709551615", "18,446,744,073,709,551,615"]
    );
    assert_eq!(shown(Arc::new(Int8Array::from(vec![Some(-7), None]))), ["integer", "-7", "-7", "-7"]);
}

#[test]
fn doubles_have_the_fewest_digits_that_read_back() {
    let sum = shown(Arc::new(Float64Array::from(vec![Some(0.1 + 0.2), None])));
    assert_eq!(sum, ["double", "0.30000000000000004", "0.30000000000000004", "0.3"]);
    assert_eq!(shown(Arc::new(Float32Array::from(vec![Some(0.1), None]))), ["double", "0.1", "0.1", "0.1"]);
    let half = shown(Arc::new(Float16Array::from(vec![
        Some(<Float16Type as ArrowPrimitiveType>::Native::from_f32(0.5)),
        None,
    ])));
    assert_eq!(half, ["double", "0.5", "0.5", "0.5"]);
}

#[test]
fn what_is_no_number_is_null_for_machines() {
    let nan = shown(Arc::new(Float64Array::from(vec![Some(f64::NAN), None])));
    assert_eq!(nan, ["double", "null", "", "NaN"]);
    let infinite = shown(Arc::new(Float32Array::from(vec![Some(f32::NEG_INFINITY), None])));
    assert_eq!(infinite, ["double", "null", "", "-inf"]);
    let mut list = ListBuilder::new(Float64Builder::new());
    list.append_value([Some(1.5), Some(f64::INFINITY), None]);
    assert_eq!(shown(Arc::new(list.finish()))[1], "[1.5,null,null]");
}

#[test]
fn texts_of_every_layout() {
    let text = r#"say "hi"	\"#;
    let json = r#""say \"hi\"\t\\""#;
    assert_eq!(shown(Arc::new(StringArray::from(vec![Some(text), None]))), ["text", json, text, text]);
    assert_eq!(shown(Arc::new(LargeStringArray::from(vec![Some(text), None]))), ["text", json, text, text]);
    assert_eq!(shown(Arc::new(StringViewArray::from(vec![Some(text), None]))), ["text", json, text, text]);
    assert_eq!(shown(Arc::new(BooleanArray::from(vec![Some(true), None])))[1..], ["true", "true", "true"]);
}

#[test]
fn dictionaries_and_runs_are_what_they_hold() {
    let keys = Int32Array::from(vec![0, 1]);
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let dictionary = DictionaryArray::<Int32Type>::try_new(keys, Arc::clone(&values)).unwrap();
    assert_eq!(shown(Arc::new(dictionary)), ["text", "\"a\"", "a", "a"]);
    let runs = RunArray::<Int32Type>::try_new(&Int32Array::from(vec![1, 2]), &values).unwrap();
    assert_eq!(shown(Arc::new(runs)), ["text", "\"a\"", "a", "a"]);
}

#[test]
fn a_null_inside_a_nested_dictionary_is_null() {
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let keys = Int8Array::from(vec![Some(0), Some(1), None]);
    let dictionary: ArrayRef = Arc::new(DictionaryArray::<Int8Type>::try_new(keys, values).unwrap());
    let field = Arc::new(Field::new("item", dictionary.data_type().clone(), true));
    let list = ListArray::new(field, OffsetBuffer::new(vec![0, 3].into()), dictionary, None);
    assert_eq!(shown(Arc::new(list))[1], r#"["a",null,null]"#);
    let none: ArrayRef = Arc::new(StringArray::from(Vec::<&str>::new()));
    let unused = DictionaryArray::<Int8Type>::try_new(Int8Array::from(vec![None]), none).unwrap();
    let unused: ArrayRef = Arc::new(unused);
    let array =
        StructArray::from(vec![(Arc::new(Field::new("d", unused.data_type().clone(), true)), unused)]);
    assert_eq!(shown(Arc::new(array))[1], r#"{"d":null}"#);
}

#[test]
fn times_are_rfc_3339_in_utc() {
    let expected = |fraction: &str| {
        let json = format!("2026-05-06T05:36:19{fraction}Z");
        ["timestamp".to_owned(), format!("\"{json}\""), json.clone(), json.replace('T', " ")]
    };
    let seconds = 1_778_045_779;
    assert_eq!(shown(Arc::new(TimestampSecondArray::from(vec![Some(seconds), None]))), expected(""));
    let millis = vec![Some(seconds * 1000 + 75), None];
    assert_eq!(shown(Arc::new(TimestampMillisecondArray::from(millis.clone()))), expected(".075"));
    let zoned = TimestampMillisecondArray::from(millis.clone()).with_timezone("+02:00");
    assert_eq!(shown(Arc::new(zoned)), expected(".075"));
    let named = TimestampMillisecondArray::from(millis.clone()).with_timezone("Europe/Berlin");
    assert_eq!(shown(Arc::new(named)), expected(".075"));
    let micros = TimestampMicrosecondArray::from(vec![Some(seconds * 1_000_000 + 5), None]);
    assert_eq!(shown(Arc::new(micros)), expected(".000005"));
    let nanos = TimestampNanosecondArray::from(vec![Some(seconds * 1_000_000_000 + 1), None]);
    assert_eq!(shown(Arc::new(nanos)), expected(".000000001"));
    assert_eq!(shown(Arc::new(Date64Array::from(millis))), expected(".075"));
}

#[test]
fn a_time_outside_the_calendar_is_not_lost() {
    let far = shown(Arc::new(TimestampSecondArray::from(vec![Some(i64::MAX), None])));
    assert_eq!(far[1], "\"9223372036854775807 s since 1970\"");
    assert_eq!(far[2..], ["9223372036854775807 s since 1970", "9223372036854775807 s since 1970"]);
}

#[test]
fn days_hours_and_spans() {
    let day = shown(Arc::new(Date32Array::from(vec![Some(20_579), None])));
    assert_eq!(day, ["date", "\"2026-05-06\"", "2026-05-06", "2026-05-06"]);
    let time = shown(Arc::new(Time64MicrosecondArray::from(vec![Some(3_723_000_001), None])));
    assert_eq!(time, ["time", "\"01:02:03.000001\"", "01:02:03.000001", "01:02:03.000001"]);
    let duration = shown(Arc::new(DurationMillisecondArray::from(vec![Some(1_500), None])));
    assert_eq!(duration, ["duration", "\"PT1.5S\"", "PT1.5S", "PT1.5S"]);
    let months = shown(Arc::new(IntervalYearMonthArray::from(vec![Some(14), None])));
    assert_eq!(months, ["interval", "\"1 years 2 mons\"", "1 years 2 mons", "1 years 2 mons"]);
}

#[test]
fn decimals_are_exact() {
    let array = Decimal128Array::from(vec![Some(123_456_789_012_345_678_901_234_567_890_i128), None]);
    let shown = shown(Arc::new(array.with_precision_and_scale(38, 2).unwrap()));
    let exact = "1234567890123456789012345678.90";
    assert_eq!(shown, ["decimal", exact, exact, "1,234,567,890,123,456,789,012,345,678.90"]);
}

#[test]
fn bytes_are_hex_and_nothing_is_null() {
    assert_eq!(
        shown(Arc::new(BinaryArray::from_opt_vec(vec![Some(b"\x00\xff"), None]))),
        ["binary", "\"00ff\"", "00ff", "00ff"]
    );
    assert_eq!(shown(Arc::new(NullArray::new(1))), ["null", "null", "", ""]);
}

#[test]
fn nested_values_are_json() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a,b"), None]);
    list.append_null();
    let json = r#"["a,b",null]"#;
    assert_eq!(shown(Arc::new(list.finish())), ["list", json, json, json]);

    let number: ArrayRef = Arc::new(Int32Array::from(vec![Some(1)]));
    let time: ArrayRef = Arc::new(TimestampSecondArray::from(vec![Some(0)]));
    let nothing: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    let fields = vec![
        Field::new("n", DataType::Int32, true),
        Field::new("at", DataType::Timestamp(TimeUnit::Second, None), true),
        Field::new("x", DataType::Utf8, true),
    ];
    let array = StructArray::new(fields.into(), vec![number, time, nothing], None);
    let json = r#"{"n":1,"at":"1970-01-01T00:00:00Z","x":null}"#;
    assert_eq!(shown(Arc::new(array)), ["struct", json, json, json]);
}

#[test]
fn maps_are_objects_whatever_their_keys_are() {
    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(1);
    map.values().append_value("one");
    map.keys().append_value(2);
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let json = r#"{"1":"one","2":null}"#;
    assert_eq!(shown(Arc::new(map.finish())), ["map", json, json, json]);
}

#[test]
fn unions_are_the_text_of_what_they_hold() {
    let fields = UnionFields::try_new(
        [0, 1],
        [Field::new("n", DataType::Int32, true), Field::new("t", DataType::Utf8, true)],
    )
    .unwrap();
    let children: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(vec![5])), Arc::new(StringArray::from(vec!["x\"y"]))];
    let types = vec![1_i8].into();
    let union = UnionArray::try_new(fields, types, Some(vec![0].into()), children).unwrap();
    assert_eq!(shown(Arc::new(union)), ["union", r#""{t=x\"y}""#, "{t=x\"y}", "{t=x\"y}"]);
}

#[test]
fn slices_show_their_own_rows() {
    let mut list = ListBuilder::new(Int32Builder::new());
    list.append_value([Some(1)]);
    list.append_value([Some(2), Some(3)]);
    assert_eq!(shown(Arc::new(list.finish().slice(1, 1)))[1], "[2,3]");
    let offsets = OffsetBuffer::new(vec![0, 1, 1].into());
    let field = Arc::new(Field::new("item", DataType::Null, true));
    let nulls = ListArray::new(field, offsets, Arc::new(NullArray::new(1)), None);
    assert_eq!(shown(Arc::new(nulls.slice(0, 1)))[1], "[null]");
}

#[test]
fn equal_names_become_distinct() {
    let named = |names: &[&str]| {
        let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Null, true)).collect();
        unique_names(&Arc::new(Schema::new(fields)))
    };
    assert_eq!(named(&["a", "b"]), ["a", "b"]);
    assert_eq!(named(&["a", "a", "a"]), ["a", "a_2", "a_3"]);
    assert_eq!(named(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
    assert_eq!(named(&["a_2", "a", "a"]), ["a_2", "a", "a_3"]);
    assert_eq!(named(&["a", "a", "a_2", "a_2"]), ["a", "a_3", "a_2", "a_2_2"]);
}
