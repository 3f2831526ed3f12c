//! What the template says that a function is given. Read as lines, because all that is asked for stands below a few
//! headings, and a YAML reader would have to be taught CloudFormation's tags.

/// Settings of `step-fetch-records`, which the template calls `StepFetchRecords`, with values of the right kind: what the
/// template says itself, a parameter's default, and a made-up name for what only a deployment knows.
pub fn settings(template: &str, function: &str) -> Vec<(String, String)> {
    let variables: Vec<&str> = below(template, &logical_id(function))
        .skip_while(|line| line.trim() != "Variables:")
        .skip(1)
        .take_while(|line| indent(line) >= VARIABLE)
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let mut settings = Vec::new();
    for (at, line) in variables.iter().enumerate().filter(|(_, line)| indent(line) == VARIABLE) {
        let Some((name, value)) = line.trim().split_once(':') else { continue };
        let block = variables[at + 1..].iter().take_while(|line| indent(line) > VARIABLE).copied();
        settings.push((name.to_owned(), text(template, name, value.trim(), block)));
    }
    settings
}

/// How far the names of variables are indented.
const VARIABLE: usize = 10;

fn text<'t>(template: &'t str, name: &str, value: &'t str, block: impl Iterator<Item = &'t str>) -> String {
    let made_up = if name.ends_with("_URL") { "https://bench.invalid" } else { "bench" };
    match value.split_once(' ') {
        Some(("!Ref", parameter)) => default(template, parameter).unwrap_or(made_up).to_owned(),
        Some(("!Sub", "|-")) => block.map(str::trim).collect::<Vec<_>>().join("\n"),
        Some(("!GetAtt" | "!Sub", _)) => made_up.to_owned(),
        _ => value.split('#').next().unwrap_or_default().trim().trim_matches('"').to_owned(),
    }
}

fn default<'t>(template: &'t str, parameter: &str) -> Option<&'t str> {
    let line = below(template, parameter).find_map(|line| line.trim().strip_prefix("Default:"));
    line.map(|value| value.trim().trim_matches('"'))
}

/// The lines below the heading of a parameter or a resource.
fn below<'t>(template: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let heading = format!("  {name}:");
    let rest = template.lines().skip_while(move |line| *line != heading).skip(1);
    rest.take_while(|line| indent(line) > 2 || line.trim().is_empty())
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
