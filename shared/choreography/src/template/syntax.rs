//! Text becomes expressions: variables, with filters behind them, and nothing else.
//!
//! minijinja parses; this module walks its syntax tree and refuses all of Jinja that could loop, grow or
//! hide what a template needs: statements, calls, arithmetic, conditions, literals of lists and maps.
//! What is left ends after one step per character. Must not know which variables exist.

use std::ops::Range;

use minijinja::Value;
use minijinja::machinery::ast::{CallArg, Expr, Filter, Stmt, UnaryOpKind};
use minijinja::machinery::{Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::MOST_CHARACTERS;
use super::error::TemplateError;
use super::filter;

/// Longer expressions are refused before they are parsed: parser, compiler and destructors recurse as deep
/// as the syntax tree goes.
const MOST_TOKENS: usize = 100;

/// A variable in a text: its dotted path and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reference {
    pub(super) path: Vec<Segment>,
    pub(super) range: Range<usize>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Segment {
    Name(String),
    Index(usize),
}

impl Reference {
    /// Writes the path with dots, e.g. `upstream.clean-2012.storage`.
    pub(super) fn dotted(&self) -> String {
        let segments = self.path.iter().map(|segment| match segment {
            Segment::Name(name) => name.clone(),
            Segment::Index(index) => index.to_string(),
        });
        segments.collect::<Vec<_>>().join(".")
    }
}

/// Gives the syntax: `{{ … }}` only, everything else stands for itself.
///
/// Statements and comments cannot be switched off, so their marks become characters of the private use
/// area that nobody types; whoever does is refused as writing a statement, or commented out.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .block_delimiters("\u{f8f0}%", "%\u{f8f0}")
        .comment_delimiters("\u{f8f0}#", "#\u{f8f0}")
        .keep_trailing_newline(true)
        .build()
        .expect("the marks differ from one another and are not empty")
}

/// Finds the variables of a text, in order; a text without `{{` never meets the parser.
pub(super) fn references(text: &str) -> Result<Vec<Reference>, TemplateError> {
    let characters = text.chars().count();
    if characters > MOST_CHARACTERS {
        return Err(TemplateError::new(
            0..text.len(),
            format!("the text has {characters} characters, more than {MOST_CHARACTERS}"),
            "EMR takes no more in all arguments of a step together; put the text into a file",
        ));
    }
    if !text.contains("{{") {
        refuse_statement(text, 0)?;
        return Ok(Vec::new());
    }
    refuse_tokens(text)?;
    let template = parse(text, "<text>", syntax()).map_err(|error| syntax_error(text, &error))?;
    let Stmt::Template(template) = template else {
        return Ok(Vec::new());
    };
    let mut references = Vec::new();
    for statement in &template.children {
        match statement {
            Stmt::EmitRaw(_) => {}
            Stmt::EmitExpr(emit) => references.extend(expression(text, &emit.expr)?),
            _ => return Err(statement_error(0..text.len())),
        }
    }
    Ok(references)
}

fn syntax_error(text: &str, error: &minijinja::Error) -> TemplateError {
    let range = error
        .range()
        .filter(|range| text.get(range.clone()).is_some());
    TemplateError::new(
        range.unwrap_or(0..text.len()),
        error
            .detail()
            .unwrap_or("the template cannot be read")
            .to_owned(),
        "write e.g. {{ logical_date }}",
    )
}

/// Refuses statements and expressions that are too long to be parsed.
fn refuse_tokens(text: &str) -> Result<(), TemplateError> {
    let mut opened = (0, 0);
    for (number, token) in tokenize(text, false, syntax()).enumerate() {
        let (token, span) = token.map_err(|error| syntax_error(text, &error))?;
        let place = span.start_offset as usize..span.end_offset as usize;
        match token {
            Token::TemplateData(raw) => refuse_statement(raw, place.start)?,
            Token::BlockStart => return Err(statement_error(place)),
            Token::VariableStart => opened = (number, place.start),
            _ if number - opened.0 > MOST_TOKENS => {
                return Err(TemplateError::new(
                    opened.1..place.end,
                    format!("the expression has more than {MOST_TOKENS} words and signs"),
                    "write a shorter one",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_statement(raw: &str, start: usize) -> Result<(), TemplateError> {
    match raw.find("{%") {
        Some(at) => Err(statement_error(start + at..start + at + 2)),
        None => Ok(()),
    }
}

fn statement_error(range: Range<usize>) -> TemplateError {
    TemplateError::new(
        range,
        "statements are not possible",
        "only {{ … }} is allowed; write {{ \"{%\" }} for the characters themselves",
    )
}

/// Finds where an expression is written; the parser's own place for it may begin in its middle.
fn range(text: &str, expression: &Expr<'_>) -> Range<usize> {
    let mut leftmost = expression;
    loop {
        leftmost = match leftmost {
            Expr::GetAttr(attribute) => &attribute.expr,
            Expr::GetItem(item) => &item.expr,
            Expr::Slice(slice) => &slice.expr,
            Expr::Call(call) => &call.expr,
            Expr::Test(test) => &test.expr,
            Expr::BinOp(operation) => &operation.left,
            Expr::Compare(comparison) => &comparison.expr,
            Expr::IfExpr(condition) => &condition.true_expr,
            Expr::Filter(call) => match &call.expr {
                Some(expression) => expression,
                None => break,
            },
            Expr::Var(_)
            | Expr::Const(_)
            | Expr::UnaryOp(_)
            | Expr::List(_)
            | Expr::Tuple(_)
            | Expr::Map(_) => break,
        };
    }
    let range = leftmost.span().start_offset as usize..expression.span().end_offset as usize;
    if text.get(range.clone()).is_some() {
        range
    } else {
        0..text.len()
    }
}

/// Takes the filters off an expression and reads the variable under them, if it is one.
fn expression(text: &str, expression: &Expr<'_>) -> Result<Option<Reference>, TemplateError> {
    let mut inner = expression;
    while let Expr::Filter(call) = inner {
        filter_call(text, call)?;
        inner = match &call.expr {
            Some(expression) => expression,
            None => return Err(not_allowed(text, inner)),
        };
    }
    match inner {
        Expr::Const(constant) if constant.value.as_str().is_some() => Ok(None),
        other => path(text, other).map(Some),
    }
}

fn filter_call(text: &str, call: &Filter<'_>) -> Result<(), TemplateError> {
    let arguments = call.args.iter().map(|argument| match argument {
        CallArg::Pos(expression) => constant(text, expression),
        CallArg::Kwarg(_, expression)
        | CallArg::PosSplat(expression)
        | CallArg::KwargSplat(expression) => Err(not_allowed(text, expression)),
    });
    let arguments = arguments.collect::<Result<Vec<Value>, _>>()?;
    filter::check(call.name, &arguments).map_err(|(what, hint)| {
        // The tree gives filters no place of their own; the name is rarely anywhere else.
        let place = text
            .find(call.name)
            .map_or(0..text.len(), |at| at..at + call.name.len());
        TemplateError::new(place, what, hint)
    })
}

fn constant(text: &str, expression: &Expr<'_>) -> Result<Value, TemplateError> {
    let plain = match expression {
        Expr::Const(_) => true,
        Expr::UnaryOp(operation) => {
            matches!(operation.op, UnaryOpKind::Neg) && matches!(operation.expr, Expr::Const(_))
        }
        _ => false,
    };
    let value = if plain { expression.as_const() } else { None };
    value.ok_or_else(|| {
        TemplateError::new(
            range(text, expression),
            "a filter takes only plain values",
            "write a number or a string",
        )
    })
}

fn path(text: &str, expression: &Expr<'_>) -> Result<Reference, TemplateError> {
    let mut segments = Vec::new();
    let mut inner = expression;
    loop {
        match inner {
            Expr::Var(variable) => {
                segments.push(Segment::Name(variable.id.to_owned()));
                break;
            }
            Expr::GetAttr(attribute) => {
                segments.push(Segment::Name(attribute.name.to_owned()));
                inner = &attribute.expr;
            }
            Expr::GetItem(item) => {
                segments.push(subscript(text, &item.subscript_expr)?);
                inner = &item.expr;
            }
            _ => return Err(not_allowed(text, expression)),
        }
    }
    segments.reverse();
    Ok(Reference {
        path: segments,
        range: range(text, expression),
    })
}

fn subscript(text: &str, expression: &Expr<'_>) -> Result<Segment, TemplateError> {
    let Expr::Const(constant) = expression else {
        return Err(not_allowed(text, expression));
    };
    let index = usize::try_from(constant.value.clone()).ok();
    let name = constant
        .value
        .as_str()
        .map(|name| Segment::Name(name.to_owned()));
    name.or(index.map(Segment::Index))
        .ok_or_else(|| not_allowed(text, expression))
}

fn not_allowed(text: &str, expression: &Expr<'_>) -> TemplateError {
    let range = range(text, expression);
    let written = &text[range.clone()];
    let bracketed = written
        .strip_prefix("upstream.")
        .and_then(|rest| rest.strip_suffix(".storage"))
        .map(|task| format!("upstream[\"{task}\"].storage"))
        .or_else(|| {
            written
                .strip_prefix("params.")
                .map(|name| format!("params[\"{name}\"]"))
        });
    let hint = match bracketed {
        Some(right) if written.contains('-') => {
            format!("a name with a hyphen goes into brackets: {right}")
        }
        Some(_) | None => "write a variable, with filters if need be: \
                           {{ logical_date | date_add(-1) }}"
            .to_owned(),
    };
    TemplateError::new(
        range,
        format!("`{written}` is more than a template may say"),
        hint,
    )
}
