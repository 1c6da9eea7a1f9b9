//! Pipelines understood: where a file runs commands, uploads artifacts or builds images, and what it risks there.
//!
//! What kind a file is, its first lines say. Rules say what risky practice looks like (`rules/practices`); here is what
//! only structure tells: whether a match stands in a command, and what becomes of that command's output.

mod dockerfile;
mod groovy;
mod kind;
mod manifest;
mod shell;
mod yaml;

pub use manifest::{Hidden, decoded};

use crate::rule::{Form, Practice, Rule};
use kind::Kind;
use regex_automata::meta::Regex;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Longer texts are no pipelines that people write.
pub const MAX_PIPELINE: usize = 1 << 20;
/// Practices of one rule taken from one text.
const MOST: usize = 100;

/// A risky practice in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The rule's index in its set.
    pub rule: u16,
    /// The name or reference at risk.
    pub span: Range<usize>,
    /// What is done with it, white space aside: the same wherever it stands.
    pub act: Vec<u8>,
}

/// The rules for practices; each is compiled when the first file comes that it is for.
#[derive(Debug)]
pub struct Practices {
    rules: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    index: u16,
    place: Practice,
    rule: Arc<Rule>,
    regex: OnceLock<Regex>,
}

impl Compiled {
    fn regex(&self) -> &Regex {
        let Form::Practice { pattern, .. } = &self.rule.form else { unreachable!("only practices are kept") };
        self.regex.get_or_init(|| {
            let config = syntax::Config::new().utf8(false).unicode(false);
            let regex = Regex::builder().syntax(config).build(pattern);
            regex.expect("patterns were checked when the rules were loaded")
        })
    }
}

impl Practices {
    /// The practices among `rules`.
    pub fn new(rules: &[Arc<Rule>]) -> Practices {
        let practice = |(index, rule): (usize, &Arc<Rule>)| match &rule.form {
            Form::Practice { place, .. } => {
                Some(Compiled { index: index as u16, place: *place, rule: Arc::clone(rule), regex: OnceLock::new() })
            }
            _ => None,
        };
        Practices { rules: rules.iter().enumerate().filter_map(practice).collect() }
    }

    /// Every risky practice in a text, by place; nothing where the text is no pipeline.
    pub fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let Some(kind) = kind::of(bytes) else { return Vec::new() };
        let mut file = None;
        let mut found: Vec<Found> = Vec::new();
        for rule in self.rules.iter().filter(|rule| is_for(rule.place, kind)) {
            let (place, regex) = (rule.place, rule.regex());
            let first = found.len();
            let mut captures = regex.create_captures();
            let mut at = 0;
            while at < bytes.len() && found.len() - first < MOST {
                regex.search_captures(&regex_automata::Input::new(bytes).range(at..), &mut captures);
                let Some((whole, secret)) = spans(&captures) else { break };
                let file = file.get_or_insert_with(|| File::read(kind, bytes));
                if let Some(act) = file.act(place, bytes, &whole, &secret) {
                    found.push(Found { rule: rule.index, span: secret.clone(), act: normalised(&bytes[act]) });
                    at = secret.end.max(whole.start + 1);
                } else {
                    // The same words may stand in a command further on.
                    at = whole.start + 1;
                }
            }
        }
        found.sort_by_key(|found| (found.span.start, found.rule));
        found
    }
}

/// Whether files of a kind have such places.
fn is_for(place: Practice, kind: Kind) -> bool {
    match place {
        Practice::Instruction => kind == Kind::Dockerfile,
        Practice::Interpolation => kind == Kind::Groovy,
        Practice::Command | Practice::Output | Practice::BuildArgument | Practice::Upload => kind != Kind::Dockerfile,
        Practice::Pipeline | Practice::UntrustedCheckout => kind == Kind::Yaml,
    }
}

/// The match and what is at risk in it.
fn spans(captures: &Captures) -> Option<(Range<usize>, Range<usize>)> {
    let whole = captures.get_match()?.range();
    let secret = captures.get_group_by_name("secret").map_or(whole.clone(), |span| span.range());
    Some((whole, secret))
}

/// Words with single spaces between them.
fn normalised(bytes: &[u8]) -> Vec<u8> {
    let words: Vec<&[u8]> = bytes.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    words.join(&b' ')
}

/// Where things stand in one file.
enum File {
    Pipeline(yaml::Pipeline),
    Dockerfile(Vec<dockerfile::Variable>),
    Groovy(groovy::Script),
    /// It reads like a pipeline and is none.
    Other,
}

impl File {
    fn read(kind: Kind, bytes: &[u8]) -> File {
        match kind {
            Kind::Yaml => yaml::read(bytes).map_or(File::Other, File::Pipeline),
            Kind::Dockerfile => File::Dockerfile(dockerfile::variables(bytes)),
            Kind::Groovy => File::Groovy(groovy::read(bytes)),
        }
    }

    /// What is done where a match stands, when it counts there.
    fn act(&self, place: Practice, bytes: &[u8], whole: &Range<usize>, secret: &Range<usize>) -> Option<Range<usize>> {
        match (self, place) {
            (File::Dockerfile(variables), Practice::Instruction) => {
                let is_it = |variable: &&dockerfile::Variable| variable.name == *secret && !variable.is_empty;
                variables.iter().find(is_it).map(|variable| variable.instruction.clone())
            }
            (File::Groovy(script), Practice::Interpolation) => script.interpolated(bytes, secret),
            (File::Pipeline(pipeline), Practice::Upload) => inside(&pipeline.uploads, secret).map(|_| secret.clone()),
            (File::Groovy(script), Practice::Upload) => inside(&script.uploads, secret).map(|_| secret.clone()),
            (File::Pipeline(pipeline), Practice::UntrustedCheckout) => {
                inside(&pipeline.untrusted, secret).map(|_| secret.clone())
            }
            (File::Pipeline(pipeline), Practice::Pipeline) => {
                let value = inside(&pipeline.values, &(whole.end - 1..whole.end))?;
                Some(value.start.min(whole.start)..whole.end)
            }
            (File::Pipeline(pipeline), Practice::BuildArgument)
                if inside(&pipeline.build_arguments, secret).is_some() =>
            {
                Some(whole.clone())
            }
            (_, Practice::BuildArgument) => {
                let command = self.command(bytes, secret)?;
                let is_argument =
                    memchr::memmem::find(&bytes[command.span.start..secret.start], b"--build-arg").is_some();
                is_argument.then_some(command.span)
            }
            (_, Practice::Command) => self.command(bytes, secret).map(|command| command.span),
            (_, Practice::Output) => {
                let command = self.command(bytes, secret)?;
                let text = &bytes[command.span.clone()];
                // A mask for a value has to name it.
                let is_mask = [&b"::add-mask::"[..], b"issecret=true"].iter().any(|mask| has(text, mask));
                let is_first = command.word == whole.start;
                (is_first && !command.is_piped && !is_mask).then_some(command.span)
            }
            _ => None,
        }
    }

    /// The command that `at` stands in.
    fn command(&self, bytes: &[u8], at: &Range<usize>) -> Option<shell::Command> {
        let commands = match self {
            File::Pipeline(pipeline) => &pipeline.commands,
            File::Groovy(script) => &script.commands,
            _ => return None,
        };
        shell::command(bytes, inside(commands, at)?, at.start)
    }
}

/// The smallest of `ranges` that holds `span`.
fn inside<'a>(ranges: &'a [Range<usize>], span: &Range<usize>) -> Option<&'a Range<usize>> {
    let holding = ranges.iter().filter(|range| range.start <= span.start && span.end <= range.end);
    holding.min_by_key(|range| range.len())
}

fn has(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}
