//! One field over many events, and back.

use serde_json::{Value, json};

/// One field over all events of a group, in the shortest of these forms:
///
/// | form | for |
/// |---|---|
/// | `{"c": value}` | the same value everywhere |
/// | `{"1": column}` | lists of one element each |
/// | `{"i": [first, difference, …]}`, `{"v": […]}` | integers |
/// | `{"p": prefix, "n": column}` | strings that are a prefix and a number |
/// | `{"p": prefix, "w": width, "s": text}` | strings of one width, run together |
/// | `{"p": prefix, "j": text}` | other strings, separated by a line feed |
/// | `{"v": […]}` | everything else |
pub(super) fn column(values: Vec<Value>) -> Value {
    if let Some(first) = values.first()
        && values.iter().all(|value| value == first)
    {
        return json!({ "c": first });
    }
    if values.iter().all(|value| value.as_array().is_some_and(|list| list.len() == 1)) {
        let inner = values.into_iter().filter_map(|value| match value {
            Value::Array(list) => list.into_iter().next(),
            _ => None,
        });
        return json!({ "1": column(inner.collect()) });
    }
    if let Some(integers) = values.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>() {
        return integer_column(&integers);
    }
    if let Some(texts) = values.iter().map(Value::as_str).collect::<Option<Vec<&str>>>()
        && let Some(column) = text_column(&texts)
    {
        return column;
    }
    json!({ "v": values })
}

fn integer_column(integers: &[i64]) -> Value {
    let mut previous = 0_i64;
    let mut differences = Vec::with_capacity(integers.len());
    for integer in integers {
        differences.push(integer.wrapping_sub(previous));
        previous = *integer;
    }
    shorter(json!({ "v": integers }), json!({ "i": differences }))
}

fn text_column(texts: &[&str]) -> Option<Value> {
    let prefix = common_prefix(texts);
    let stem = prefix.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbers = texts.iter().map(|text| canonical_number(text.get(stem.len()..)?)).collect::<Option<Vec<i64>>>();
    let as_numbers = numbers.map(|numbers| json!({ "p": stem, "n": integer_column(&numbers) }));

    let ends = texts.iter().map(|text| text.get(prefix.len()..)).collect::<Option<Vec<&str>>>()?;
    let width = ends.first()?.len();
    let as_text = if width > 0 && ends.iter().all(|end| end.len() == width && end.is_ascii()) {
        Some(json!({ "p": prefix, "w": width, "s": ends.concat() }))
    } else if ends.iter().all(|end| !end.contains('\n')) {
        Some(json!({ "p": prefix, "j": ends.join("\n") }))
    } else {
        None
    };
    match (as_numbers, as_text) {
        (Some(numbers), Some(text)) => Some(shorter(text, numbers)),
        (numbers, text) => numbers.or(text),
    }
}

fn shorter(one: Value, other: Value) -> Value {
    if other.to_string().len() < one.to_string().len() { other } else { one }
}

fn common_prefix<'a>(texts: &[&'a str]) -> &'a str {
    let Some((first, rest)) = texts.split_first() else { return "" };
    let mut length = first.len();
    for text in rest {
        let same = first.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
        length = length.min(same);
    }
    while !first.is_char_boundary(length) {
        length -= 1;
    }
    first.get(..length).unwrap_or_default()
}

/// The number, if writing it again gives the same text.
fn canonical_number(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number >= 0 && number.to_string() == text).then_some(number)
}

/// The inverse of [`column`]; none when the form does not hold `count` values.
pub(super) fn uncolumn(packed: Value, count: usize) -> Option<Vec<Value>> {
    let Value::Object(mut forms) = packed else { return None };
    let mut take = |name: &str| forms.remove(name);
    let values: Vec<Value> = if let Some(constant) = take("c") {
        vec![constant; count]
    } else if let Some(inner) = take("1") {
        uncolumn(inner, count)?.into_iter().map(|value| Value::Array(vec![value])).collect()
    } else if let Some(differences) = take("i") {
        let mut sum = 0_i64;
        let mut add = |difference: &Value| {
            sum = sum.wrapping_add(difference.as_i64()?);
            Some(json!(sum))
        };
        differences.as_array()?.iter().map(&mut add).collect::<Option<_>>()?
    } else if let Some(prefix) = take("p") {
        let prefix = prefix.as_str()?;
        let whole = |end: &str| Value::String(format!("{prefix}{end}"));
        if let Some(numbers) = take("n") {
            let text = |number: Value| Some(whole(&number.as_i64()?.to_string()));
            uncolumn(numbers, count)?.into_iter().map(text).collect::<Option<_>>()?
        } else if let Some(joined) = take("j") {
            joined.as_str()?.split('\n').map(whole).collect()
        } else {
            let width = usize::try_from(take("w")?.as_u64()?).ok().filter(|width| *width > 0)?;
            let text = take("s")?;
            text.as_str()?
                .as_bytes()
                .chunks(width)
                .map(|end| std::str::from_utf8(end).ok().map(whole))
                .collect::<Option<_>>()?
        }
    } else {
        match take("v")? {
            Value::Array(values) => values,
            _ => return None,
        }
    };
    (values.len() == count).then_some(values)
}

#[cfg(test)]
mod tests {
    use super::super::tests::any_value;
    use super::*;
    use proptest::{collection::vec, prelude::*};

    proptest! {
        #[test]
        fn one_column_is_undone_exactly(values in vec(any_value(), 1..20)) {
            let count = values.len();
            prop_assert_eq!(uncolumn(column(values.clone()), count), Some(values));
        }
    }

    #[test]
    fn each_form_of_a_column_is_used() {
        let form =
            |values: Vec<Value>| column(values).as_object().unwrap().keys().cloned().collect::<Vec<_>>().join("");
        assert_eq!(form(vec![json!("a"), json!("a")]), "c");
        assert_eq!(form(vec![json!([1]), json!([2])]), "1");
        assert_eq!(form((1000..1100).map(|number| json!(number)).collect()), "i");
        assert_eq!(form(vec![json!(5), json!(-700), json!(3)]), "v");
        assert_eq!(form((980..1100).map(|number| json!(format!("#{number}"))).collect()), "np");
        assert_eq!(form(vec![json!("ch_ab"), json!("ch_cd")]), "psw");
        assert_eq!(form(vec![json!("ch_ab"), json!("ch_c")]), "jp");
        assert_eq!(form(vec![json!("a\nb"), json!("c")]), "v");
        assert_eq!(form(vec![json!(null), json!("c")]), "v");
    }
}
