//! Tables for people: no boxes, amounts to the right, sentences wrapped to the terminal's width. On a pipe nothing is
//! wrapped, so a row stays a line.

use crate::figures::plain;
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table,
    TableStyle, Width,
};
use std::io::IsTerminal;

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction(' '))
    .content_lines(ContentLineStyle::none().junction(' '));

/// A sentence with less room than this goes below its row instead.
const NARROWEST_SENTENCE: u16 = 24;
const BELOW: &str = "    ";

/// What stdout can show.
#[derive(Debug, Clone, Copy, Default)]
pub struct Screen {
    /// Columns of the terminal; none on a pipe.
    pub width: Option<u16>,
    pub colour: bool,
}

impl Screen {
    pub fn of_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { width: Table::new().width().filter(|_| terminal), colour }
    }

    fn styled(self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.styled(text, "1")
    }

    /// The text broken at spaces so that it fits; lines after the first begin with `indent`, and the first has
    /// `taken` columns before it. On a pipe a text stays one line.
    pub fn wrap(self, text: &str, taken: usize, indent: &str) -> String {
        let Some(width) = self.width.map(usize::from) else { return text.to_owned() };
        let (mut wrapped, mut column) = (String::new(), taken);
        for word in text.split(' ') {
            let length = word.chars().count();
            if column + 1 + length > width && !wrapped.is_empty() {
                wrapped.push('\n');
                wrapped.push_str(indent);
                column = indent.chars().count();
            } else if !wrapped.is_empty() {
                wrapped.push(' ');
                column += 1;
            }
            wrapped.push_str(word);
            column += length;
        }
        wrapped
    }

    /// The text in the colour of a tone.
    pub fn toned(self, text: &str, tone: Tone) -> String {
        match tone {
            Tone::Good => self.styled(text, "32"),
            Tone::Bad => self.styled(text, "31"),
            Tone::Open => self.styled(text, "33"),
            Tone::Neutral => text.to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    Open,
    Neutral,
}

/// How a status of a run, a saga, a step or an order looks.
pub fn tone(status: &str) -> Tone {
    match status {
        "completed" | "succeeded" | "paid" | "resolved" | "closed" | "active" => Tone::Good,
        "revoked" | "expired" | "failed" | "undo_failed" | "stuck" | "killed" | "unpaid" | "disputed" | "new"
        | "open" => Tone::Bad,
        "running" | "compensating" | "paused" | "waiting" | "cancelled" | "partly_paid" | "redriven" | "half_open" => {
            Tone::Open
        }
        _ => Tone::Neutral,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Text,
    /// To the right.
    Figure,
    /// Coloured by its value.
    Status,
    /// Wrapped; gives way when the terminal is narrow.
    Sentence,
}

/// A table of these columns. Cells are cleaned of control characters.
pub fn table(screen: Screen, columns: &[(&str, Column)], rows: Vec<Vec<String>>) -> String {
    if is_narrow(screen, columns, &rows) {
        with_sentences_below(screen, columns, rows)
    } else {
        grid(screen, columns, rows)
    }
}

/// No terminal's width is enough for the sentence beside the other columns.
fn is_narrow(screen: Screen, columns: &[(&str, Column)], rows: &[Vec<String>]) -> bool {
    let width_of = |index: usize, name: &str| {
        rows.iter()
            .filter_map(|row| row.get(index))
            .map(|text| text.chars().count())
            .max()
            .unwrap_or(0)
            .max(name.chars().count())
    };
    let needed = |(index, (name, column)): (usize, &(&str, Column))| match column {
        Column::Sentence => width_of(index, name).min(usize::from(NARROWEST_SENTENCE)),
        _ => width_of(index, name),
    };
    // A padding of one and a junction of one after each column but the last.
    let total: usize = columns.iter().enumerate().map(|column| needed(column) + 2).sum();
    let has_sentence = columns.iter().any(|(_, column)| *column == Column::Sentence);
    has_sentence && screen.width.is_some_and(|width| total > usize::from(width) + 2)
}

fn with_sentences_below(screen: Screen, columns: &[(&str, Column)], rows: Vec<Vec<String>>) -> String {
    let is_sentence = |index: usize| columns.get(index).is_some_and(|(_, column)| *column == Column::Sentence);
    let shown: Vec<_> = columns.iter().copied().filter(|(_, column)| *column != Column::Sentence).collect();
    let (mut short, mut sentences) = (Vec::new(), Vec::new());
    for row in rows {
        let (sentence, rest): (Vec<_>, Vec<_>) =
            row.into_iter().enumerate().partition(|(index, _)| is_sentence(*index));
        sentences.push(sentence.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" "));
        short.push(rest.into_iter().map(|(_, text)| text).collect());
    }
    // Wider than the terminal it may be, but never broken: a row stays a line, and its sentence follows it.
    let grid = grid(Screen { width: None, ..screen }, &shown, short);
    let header_lines = 2;
    let mut lines = Vec::new();
    for (index, line) in grid.lines().enumerate() {
        lines.push(line.to_owned());
        if let Some(sentence) =
            index.checked_sub(header_lines).and_then(|row| sentences.get(row)).filter(|text| !text.is_empty())
        {
            lines.push(format!("{BELOW}{}", screen.wrap(&plain(sentence), BELOW.len(), BELOW)));
        }
    }
    lines.join("\n")
}

fn grid(screen: Screen, columns: &[(&str, Column)], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic);
    match screen.width {
        Some(width) => {
            table.set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if screen.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let head = |(name, column): &(&str, Column)| {
        let cell = Cell::new(name).add_attribute(Attribute::Bold);
        if *column == Column::Figure { cell.set_alignment(CellAlignment::Right) } else { cell }
    };
    table.set_header(columns.iter().map(head).collect::<Vec<_>>());
    for row in rows {
        table.add_row(
            row.iter().zip(columns).map(|(text, (_, column))| cell(&plain(text), *column)).collect::<Vec<_>>(),
        );
    }
    for (index, (_, column)) in columns.iter().enumerate() {
        if let Some(rendered) = table.column_mut(index) {
            rendered.set_padding((0, 1));
            rendered.set_constraint(match column {
                Column::Sentence => ColumnConstraint::LowerBoundary(Width::Fixed(NARROWEST_SENTENCE)),
                _ => ColumnConstraint::ContentWidth,
            });
        }
    }
    table.trim_fmt()
}

fn cell(text: &str, column: Column) -> Cell {
    let cell = Cell::new(text);
    match (column, tone(text)) {
        (Column::Figure, _) => cell.set_alignment(CellAlignment::Right),
        (Column::Status, Tone::Good) => cell.fg(Color::DarkGreen),
        (Column::Status, Tone::Bad) => cell.fg(Color::DarkRed),
        (Column::Status, Tone::Open) => cell.fg(Color::DarkYellow),
        _ => cell,
    }
}

/// `label  value` lines with the values below each other.
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    facts.iter().map(|(label, value)| format!("{label:<width$}  {}\n", plain(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [(&str, Column); 3] =
        [("Order", Column::Text), ("Amount", Column::Figure), ("Explanation", Column::Sentence)];

    fn rows() -> Vec<Vec<String>> {
        let row =
            |order: &str, amount: &str, sentence: &str| vec![order.to_owned(), amount.to_owned(), sentence.to_owned()];
        vec![
            row("#1001", "1,204.00 EUR", "No payment of this amount was found within three days."),
            row("#2", "5.00 EUR", "Short.\u{7}"),
        ]
    }

    #[test]
    fn a_pipe_gets_one_line_per_row() {
        let text = table(Screen::default(), &COLUMNS, rows());
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.lines().all(|line| !line.contains('\u{7}') && !line.contains('\u{1b}')));
        assert!(text.contains("#2         5.00 EUR  Short."), "{text}");
    }

    #[test]
    fn a_narrow_terminal_gets_the_sentence_below_its_row() {
        let text = table(Screen { width: Some(40), colour: false }, &COLUMNS, rows());
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert!(text.trim_end().ends_with("#2         5.00 EUR\n    Short."), "{text}");
    }

    #[test]
    fn a_long_text_is_broken_at_spaces() {
        let narrow = Screen { width: Some(14), colour: false };
        assert_eq!(narrow.wrap("one two three four", 4, "│ "), "one two\n│ three four");
        assert_eq!(Screen::default().wrap("one two three four", 4, "│ "), "one two three four");
    }

    #[test]
    fn a_terminal_wraps_the_sentence_and_nothing_else() {
        let text = table(Screen { width: Some(60), colour: false }, &COLUMNS, rows());
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
        assert!(text.contains("1,204.00 EUR"), "{text}");
    }
}
