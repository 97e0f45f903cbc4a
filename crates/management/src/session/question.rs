//! Questions to the operator: `[confirm]`, answered with one key, and `[yes/no]`, answered with a line.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::editor::Editor;
use crate::keys::Key;

/// A question of the route processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is asked, without the bracket: `Proceed with reload?`.
    pub text: String,
    /// How it is answered.
    pub kind: QuestionKind,
}

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionKind {
    /// ` [confirm]`: Return or `y` confirms, any other key does not.
    Confirm,
    /// ` [yes/no]: `: a line with `yes` or `no`, which may be shortened.
    YesNo,
    /// `? `: a line of any words; an empty one stands for what the text offers.
    Line,
}

/// What the operator answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Confirmed, or `yes`.
    Yes,
    /// Not confirmed, or `no`.
    No,
    /// The line that was typed.
    Line(String),
    /// ^C, or the input ended: neither. What was asked about is not done.
    Aborted,
}

/// What came of a key or a line.
pub(super) enum Reply {
    Pending,
    AskAgain,
    Answer(Answer),
}

/// A question that is open.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    kind: QuestionKind,
    prompt: String,
    pub editor: Editor,
}

impl Asked {
    pub fn new(question: Question, columns: u16) -> Self {
        let suffix = match question.kind {
            QuestionKind::Confirm => " [confirm]",
            QuestionKind::YesNo => " [yes/no]: ",
            QuestionKind::Line => "? ",
        };
        Self {
            kind: question.kind,
            prompt: format!("{}{suffix}", question.text),
            editor: Editor::new(columns),
        }
    }

    pub fn show(&mut self, out: &mut Vec<u8>) {
        self.editor.begin(&self.prompt, out);
    }

    pub fn press(&mut self, key: Key, out: &mut Vec<u8>) -> Reply {
        match (key, self.kind) {
            (Key::Interrupt | Key::Escape, _) => {
                out.extend_from_slice(b"^C\r\n");
                Reply::Answer(Answer::Aborted)
            }
            (Key::Enter, QuestionKind::Confirm) => {
                out.extend_from_slice(b"\r\n");
                Reply::Answer(Answer::Yes)
            }
            (Key::Character(character), QuestionKind::Confirm) => {
                out.extend_from_slice(format!("{character}\r\n").as_bytes());
                let confirmed = character.eq_ignore_ascii_case(&'y');
                Reply::Answer(if confirmed { Answer::Yes } else { Answer::No })
            }
            (_, QuestionKind::Confirm) => {
                out.extend_from_slice(b"\r\n");
                Reply::Answer(Answer::No)
            }
            (Key::Enter, QuestionKind::YesNo) => {
                let line = self.editor.finish(out);
                read_yes_no(&line).map_or(Reply::AskAgain, Reply::Answer)
            }
            (Key::Enter, QuestionKind::Line) => Reply::Answer(Answer::Line(self.editor.finish(out))),
            (_, QuestionKind::YesNo | QuestionKind::Line) => {
                self.editor.press(key, out);
                Reply::Pending
            }
        }
    }

    /// The answer in the next line of a script. What is no answer aborts: asking a script again helps nobody.
    pub fn script_answer(&self, line: &str) -> Reply {
        let line = line.trim();
        let answer = match self.kind {
            QuestionKind::Confirm if line.is_empty() => Answer::Yes,
            QuestionKind::Confirm => read_yes_no(line).unwrap_or(Answer::No),
            QuestionKind::YesNo => read_yes_no(line).unwrap_or(Answer::Aborted),
            QuestionKind::Line => Answer::Line(line.into()),
        };
        Reply::Answer(answer)
    }
}

fn read_yes_no(line: &str) -> Option<Answer> {
    let line = line.trim();
    let shortens = |word: &str| {
        word.get(..line.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(line))
    };
    match line {
        "" => None,
        _ if shortens("yes") => Some(Answer::Yes),
        _ if shortens("no") => Some(Answer::No),
        _ => None,
    }
}
