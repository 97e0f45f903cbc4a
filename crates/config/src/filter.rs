//! The filter behind a command that shows something: `show ip route | include 10.0`.
//!
//! What can be typed is a table here, read by the same grammar as the commands; what a filter does with lines is the
//! business of whoever shows them.

use crate::pattern::Pattern;
use crate::token::{Kind, Slot, Token, argument, keyword};

/// What a filter does with the lines that match its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FilterForm {
    /// All from the first matching line on is shown.
    Begin,
    /// Only the number of matching lines is shown.
    Count,
    /// Matching lines are left out.
    Exclude,
    /// Matching lines are shown.
    Include,
    /// Sections with a matching line are shown.
    Section,
    /// Sections with a matching line are left out.
    SectionExclude,
}

/// What is to be shown of a command's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFilter {
    /// What happens to matching lines.
    pub form: FilterForm,
    /// Which lines match.
    pub pattern: Pattern,
}

/// What can stand behind a command that shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Modifier {
    /// Some of its lines are shown.
    Filter(FilterForm),
    /// What it shows is one JSON document instead of a text. That is no business of lines: the command is another one.
    Json,
}

/// The word that separates a command from its filter.
pub(crate) const PIPE: &str = "|";

const BAR: Token = keyword(PIPE, "Output modifiers");
const EXPRESSION: Token = argument(Slot::Pattern, Kind::Pattern, "Regular Expression");
const SECTION: Token = keyword("section", "Filter a section of output");

/// All forms, each as it is typed.
pub(crate) static FILTERS: &[(Modifier, &[Token])] = &[
    (
        Modifier::Filter(FilterForm::Begin),
        &[
            BAR,
            keyword("begin", "Begin with the line that matches"),
            EXPRESSION,
        ],
    ),
    (
        Modifier::Filter(FilterForm::Count),
        &[
            BAR,
            keyword("count", "Count number of lines which match regexp"),
            EXPRESSION,
        ],
    ),
    (
        Modifier::Filter(FilterForm::Exclude),
        &[BAR, keyword("exclude", "Exclude lines that match"), EXPRESSION],
    ),
    (
        Modifier::Filter(FilterForm::Include),
        &[BAR, keyword("include", "Include lines that match"), EXPRESSION],
    ),
    (Modifier::Filter(FilterForm::Section), &[BAR, SECTION, EXPRESSION]),
    (
        Modifier::Filter(FilterForm::Section),
        &[
            BAR,
            SECTION,
            keyword("include", "Include entire section(s) of output"),
            EXPRESSION,
        ],
    ),
    (
        Modifier::Filter(FilterForm::SectionExclude),
        &[
            BAR,
            SECTION,
            keyword("exclude", "Exclude entire section(s) of output"),
            EXPRESSION,
        ],
    ),
    (
        Modifier::Json,
        &[BAR, keyword("json", "One JSON document instead of a text")],
    ),
];
