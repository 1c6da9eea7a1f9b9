//! Pipelines in YAML: which values are commands, which are uploaded, what is checked out.

use saphyr_parser::{Event, Parser, Span};
use std::ops::Range;

/// Deeper files are not read.
const MAX_DEPTH: usize = 64;

/// Keys whose values a shell runs.
const COMMANDS: [&str; 21] = [
    "run",
    "script",
    "before_script",
    "after_script",
    "command",
    "commands",
    "bash",
    "pwsh",
    "powershell",
    "inlineScript",
    "before_install",
    "install",
    "before_deploy",
    "after_deploy",
    "after_success",
    "after_failure",
    "before_cache",
    "args",
    "source",
    "entrypoint",
    "pre",
];

/// Keys that pipelines have at their top; `script` may also stand one level below.
const TOP: [&str; 11] = [
    "jobs",
    "steps",
    "stages",
    "pipelines",
    "runs",
    "script",
    "before_script",
    "workflow",
    "workflows",
    "stage",
    "install",
];

/// Where things stand in a pipeline.
#[derive(Debug, Default)]
pub struct Pipeline {
    /// Values that a shell runs.
    pub commands: Vec<Range<usize>>,
    /// Every value.
    pub values: Vec<Range<usize>>,
    /// What is passed to the build of an image.
    pub build_arguments: Vec<Range<usize>>,
    /// Paths that are uploaded as artifacts.
    pub uploads: Vec<Range<usize>>,
    /// References that are checked out where outsiders decide them and secrets are at hand.
    pub untrusted: Vec<Range<usize>>,
}

/// A part of a document.
#[derive(Debug)]
pub enum Node {
    /// A value, and where it stands.
    Scalar(String, Range<usize>),
    /// `- …`.
    List(Vec<Node>),
    /// `key: …`, in order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match self {
            Node::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, node)| node),
            _ => None,
        }
    }

    fn text(&self) -> &str {
        match self {
            Node::Scalar(text, _) => text,
            _ => "",
        }
    }

    fn children(&self) -> Box<dyn Iterator<Item = (&str, &Node)> + '_> {
        match self {
            Node::Scalar(..) => Box::new(std::iter::empty()),
            Node::List(items) => Box::new(items.iter().map(|item| ("", item))),
            Node::Map(entries) => Box::new(entries.iter().map(|(key, node)| (key.as_str(), node))),
        }
    }

    /// Appends every value in it.
    pub fn spans(&self, out: &mut Vec<Range<usize>>) {
        if let Node::Scalar(_, span) = self {
            out.push(span.clone());
        }
        self.children().for_each(|(_, child)| child.spans(out));
    }
}

/// Reads a pipeline; `None` when it is none or no YAML.
pub fn read(bytes: &[u8]) -> Option<Pipeline> {
    let documents = documents(bytes)?;
    let mut pipeline = Pipeline::default();
    for document in documents.iter().filter(|document| is_pipeline(document)) {
        document.spans(&mut pipeline.values);
        visit(document, &mut pipeline);
        find_untrusted(document, bytes, &mut pipeline.untrusted);
    }
    (!pipeline.values.is_empty()).then_some(pipeline)
}

fn is_pipeline(document: &Node) -> bool {
    let version = document.get("apiVersion").map_or("", Node::text);
    let has_script = |(_, child): (&str, &Node)| child.get("script").is_some();
    TOP.iter().any(|key| document.get(key).is_some())
        || document.get("kind").is_some_and(|kind| kind.text() == "pipeline")
        || ["tekton.dev/", "argoproj.io/"].iter().any(|group| version.starts_with(group))
        || document.children().any(has_script)
}

fn visit(node: &Node, pipeline: &mut Pipeline) {
    find_uploads(node, &mut pipeline.uploads);
    for (key, child) in node.children() {
        let is_command = COMMANDS.contains(&key) && !matches!(child, Node::Map(_));
        match key {
            _ if is_command => child.spans(&mut pipeline.commands),
            "build-args" | "build_args" | "build-arg" => child.spans(&mut pipeline.build_arguments),
            _ => visit(child, pipeline),
        }
    }
}

/// Artifacts as each system names them.
fn find_uploads(node: &Node, out: &mut Vec<Range<usize>>) {
    let uses = node.get("uses").map_or("", Node::text);
    let task = node.get("task").map_or("", Node::text);
    let mut add = |outer: &str, keys: &[&str]| {
        let inner = if outer.is_empty() { Some(node) } else { node.get(outer) };
        keys.iter().filter_map(|key| inner?.get(key)).for_each(|paths| paths.spans(out));
    };
    if uses.starts_with("actions/upload-") {
        add("with", &["path"]);
    }
    if task.starts_with("PublishBuildArtifacts@") || task.starts_with("PublishPipelineArtifact@") {
        add("inputs", &["PathtoPublish", "pathToPublish", "targetPath", "path"]);
    }
    add("artifacts", &["paths", "untracked", "download"]);
    add("store_artifacts", &["path"]);
    add("", &["artifact_paths", "publish", "upload"]);
    if let Some(list @ Node::List(_)) = node.get("artifacts") {
        list.spans(out);
    }
}

/// `pull_request_target` and `workflow_run` give secrets to a run that outsiders start; what it checks out must not be theirs.
fn find_untrusted(document: &Node, bytes: &[u8], out: &mut Vec<Range<usize>>) {
    const TRIGGERS: [&str; 2] = ["pull_request_target", "workflow_run"];
    let Some(on) = document.get("on").or_else(|| document.get("true")) else { return };
    let is_trigger = |name: &str| TRIGGERS.contains(&name);
    let triggered =
        is_trigger(on.text()) || on.children().any(|(key, child)| is_trigger(key) || is_trigger(child.text()));
    if !triggered {
        return;
    }
    let for_all = document.get("env").is_some_and(|env| has_secrets(env, bytes));
    let Some(jobs) = document.get("jobs") else { return };
    for (_, job) in jobs.children().filter(|(_, job)| for_all || has_secrets(job, bytes)) {
        let steps = job.get("steps").into_iter().flat_map(Node::children);
        let checkouts =
            steps.filter(|(_, step)| step.get("uses").is_some_and(|uses| uses.text().starts_with("actions/checkout@")));
        let with = checkouts.filter_map(|(_, step)| step.get("with"));
        with.filter_map(|with| with.get("ref")).for_each(|reference| reference.spans(out));
    }
}

/// Whether a secret other than the run's own token is used.
fn has_secrets(node: &Node, bytes: &[u8]) -> bool {
    let mut spans = Vec::new();
    node.spans(&mut spans);
    let uses = |text: &[u8]| {
        let mut places = memchr::memmem::find_iter(text, b"secrets");
        places.any(|at| {
            !text[at..].starts_with(b"secrets.GITHUB_TOKEN")
                && text[..at].ends_with(b" ") | text[..at].ends_with(b"{") | text[..at].ends_with(b"(")
        })
    };
    spans.iter().any(|span| uses(&bytes[span.clone()])) || node.get("secrets").is_some()
}

/// Every document of a text; `None` when it is no YAML or nested too deeply. Aliases stand for nothing.
pub fn documents(bytes: &[u8]) -> Option<Vec<Node>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let offsets = Offsets::new(text);
    let mut reader = Reader { events: Parser::new_from_str(text), offsets: &offsets };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Some(documents),
            (Event::DocumentStart(_), _) => {
                let first = reader.next()?;
                documents.push(reader.node(first, 0)?);
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
    offsets: &'a Offsets,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.events.next_event()?.ok()
    }

    fn node(&mut self, (event, span): (Event<'a>, Span), depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        match event {
            Event::Scalar(text, ..) => Some(Node::Scalar(text.into_owned(), self.offsets.range(&span))),
            Event::Alias(_) => Some(Node::Scalar(String::new(), self.offsets.range(&span))),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => return Some(Node::List(items)),
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        (Event::MappingEnd, _) => return Some(Node::Map(entries)),
                        event => self.node(event, depth + 1)?,
                    };
                    let value = self.next()?;
                    entries.push((key.text().to_owned(), self.node(value, depth + 1)?));
                }
            }
            _ => None,
        }
    }
}

/// From characters, which the parser counts, to bytes.
struct Offsets(Option<Vec<u32>>, usize);

impl Offsets {
    fn new(text: &str) -> Offsets {
        let starts = || text.char_indices().map(|(at, _)| at as u32).collect();
        Offsets((!text.is_ascii()).then(starts), text.len())
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let byte = |index: usize| match &self.0 {
            Some(starts) => starts.get(index).map_or(self.1, |at| *at as usize),
            None => index.min(self.1),
        };
        let start = byte(span.start.index());
        start..byte(span.end.index()).max(start)
    }
}
