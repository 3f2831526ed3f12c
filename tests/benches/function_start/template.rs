//! What the template says that a function is given. Read as lines, because all that is asked for are the names below
//! one heading, and a YAML reader would have to be taught CloudFormation's tags.

/// Names of the settings of `step-fetch-records`, which the template calls `StepFetchRecords`.
pub fn settings(template: &str, function: &str) -> Vec<String> {
    let heading = format!("  {}:", logical_id(function));
    template
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| indent(line) > 2 || line.trim().is_empty())
        .skip_while(|line| line.trim() != "Variables:")
        .skip(1)
        .map_while(setting)
        .map(ToOwned::to_owned)
        .collect()
}

/// `NAME` of `NAME: value`.
fn setting(line: &str) -> Option<&str> {
    let (name, _) = line.trim().split_once(':')?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    is_name.then_some(name)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

fn logical_id(function: &str) -> String {
    function
        .split('-')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}
