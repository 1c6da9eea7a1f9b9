//! From what was written on the command line and in `stopleak.toml` to a request the engine can carry out.

use super::respond::RespondSettings;
use super::{aws, forges};
use crate::args::{HistoryArg, ImageArgs, PracticesArg, Selection};
use crate::failure::{Failure, OrFail, Result};
use crate::network;
use crate::settings::{self, AuditSettings, NotifyWritten, Settings, VerifySettings};
use crate::terminal::progress;
use crate::vaults::{self, Vaults};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use stopleak_core::http::Http;
use stopleak_core::image::Credentials;
use stopleak_core::scan::{
    Buckets, Gate, History, ImagePlace, Images, Outcome, Progress, Request, ScanError, Target, scan,
};
use stopleak_core::suppress::{Baseline, Suppressions};
use stopleak_core::time::date;
pub use stopleak_core::time::now;
use stopleak_core::{RuleSet, Warning};

/// A request, and what the commands need to know beside it.
pub struct Plan {
    pub request: Request,
    /// The baseline that the settings name.
    pub baseline: Option<PathBuf>,
    pub today: String,
    /// What becomes of risky practice.
    pub practices: PracticesArg,
    /// How providers are asked, as the settings say.
    pub verify: VerifySettings,
    /// How secrets are ended and replaced, as the settings say.
    pub respond: RespondSettings,
    /// Whether rules come from files that only settings name that were found.
    pub has_found_rules: bool,
    /// What the user should know of the settings.
    pub notes: Vec<Warning>,
    /// What goes on record, and where.
    pub audit: AuditSettings,
    /// Who is told.
    pub notify: Vec<NotifyWritten>,
    /// The vaults that the settings name.
    pub vaults: Vaults,
}

/// Works out what to scan, with which rules; the baseline is left to the command.
pub fn plan(selection: &Selection) -> Result<Plan> {
    let today = today();
    let targets = targets(selection);
    let mut settings = settings::load(selection.config.as_deref(), &targets, &today)?;
    if !selection.rules.is_empty() {
        // Whoever names rules has chosen.
        settings.notes.retain(|note| note.code != settings::FOREIGN_FOUND);
    }
    let paths: Vec<PathBuf> = settings.rules.iter().chain(&selection.rules).cloned().collect();
    let rules = load_rules(settings.imported.as_slice(), &paths, &settings.disabled)?;
    let rules = vaults::with_index(rules, &selection.vault, &settings.vaults, selection.images.offline)?;
    let history = history(selection, &settings);
    let complete = history == History::Everything && !selection.staged && settings::are_whole(&targets);
    let gate = selection.gate.or(settings.gate).unwrap_or_default();
    let practices = selection.practices.or(settings.practices).unwrap_or_default();
    let network = network(&selection.images, &targets)?;
    let request = Request {
        targets: targets.clone(),
        history,
        staged: selection.staged,
        no_ignore: selection.no_ignore || settings.no_ignore,
        archives: selection.archives.limits(),
        images: images(&selection.images, &targets, network.as_ref()),
        buckets: buckets(&selection.images, &targets, network.as_ref())?,
        live: None,
        forges: forges::plan(
            &selection.forges,
            &targets,
            network.clone().map(|http| http as _),
            &settings.forges,
            &mut settings.notes,
        )?,
        threads: selection.threads.or(settings.threads).map_or_else(cores, usize::from),
        rules,
        suppressions: Suppressions { allowlist: settings.allowlist, baseline: None, complete },
        policy: settings.policy.with_gate(Gate { practices: practices == PracticesArg::Fail, ..gate }),
        progress: Arc::new(Progress::default()),
    };
    let has_found_rules = !settings.verify.are_named && !settings.rules.is_empty();
    let Settings { baseline, verify, respond, notes, audit, notify, vaults, .. } = settings;
    Ok(Plan { request, baseline, today, practices, verify, respond, has_found_rules, notes, audit, notify, vaults })
}

/// Carries the request out, with a progress bar where one is of use; `notes` join the scan's warnings.
pub fn carry_out(request: &Request, selection: &Selection, notes: &[Warning]) -> Result<Outcome> {
    // A bar would be drawn over findings that are shown while the scan goes on.
    let is_watched = !selection.no_progress && !selection.quiet && request.live.is_none();
    let watching = progress::watch(&request.progress, is_watched);
    let outcome = scan(request);
    drop(watching);
    let outcome = outcome.map(|mut outcome| {
        outcome.summary.warnings.extend_from_slice(notes);
        outcome
    });
    outcome.map_err(|error| failed(&error))
}

/// A scan that could not be done, with the next step.
pub fn failed(error: &ScanError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Reads a baseline; a missing or broken one is an error, since without it accepted findings would count.
pub fn read_baseline(file: &Path) -> Result<Baseline> {
    let text = std::fs::read_to_string(file).or_fail(|| format!("cannot read baseline {}", file.display()));
    let text = text.map_err(|failure| failure.hint("`stopleak baseline create` writes one"))?;
    Baseline::parse(&text, &file.display().to_string()).map_err(|error| {
        Failure::new(error.to_string()).hint("restore it, or write it anew with `stopleak baseline create --force`")
    })
}

/// The embedded rules, those in files in memory (with their names) and in `paths`, less the disabled ones.
pub fn load_rules(texts: &[(String, String)], paths: &[PathBuf], disabled: &[String]) -> Result<Arc<RuleSet>> {
    RuleSet::load_with(texts, paths, disabled).map_err(|errors| {
        let problems: Vec<String> = errors.0.iter().map(ToString::to_string).collect();
        Failure::new(format!("cannot use these rules\n{}", problems.join("\n")))
            .hint("`stopleak rules list` prints the ids of all rules")
    })
}

fn targets(selection: &Selection) -> Vec<Target> {
    let target = |path: &PathBuf| match path.to_str() {
        Some("-") => Target::Stdin,
        text => {
            let remote = text
                .and_then(|text| Target::image(text).or_else(|| Target::bucket(text)).or_else(|| Target::run(text)));
            remote.unwrap_or_else(|| Target::Path(path.clone()))
        }
    };
    match selection.targets.as_slice() {
        [] => vec![Target::Path(".".into())],
        paths => paths.iter().map(target).collect(),
    }
}

fn is_image(target: &Target) -> bool {
    matches!(target, Target::Image { place: ImagePlace::Registry, .. })
}

fn is_bucket(target: &Target) -> bool {
    matches!(target, Target::Bucket { .. })
}

fn is_run(target: &Target) -> bool {
    matches!(target, Target::Run(_))
}

/// The network is there only for a target that is remote.
fn network(args: &ImageArgs, targets: &[Target]) -> Result<Option<Arc<Http>>> {
    if args.offline || !targets.iter().any(|target| is_image(target) || is_bucket(target) || is_run(target)) {
        return Ok(None);
    }
    network::client(args.registry_ca.as_deref()).map(|http| Some(Arc::new(http)))
}

fn images(args: &ImageArgs, targets: &[Target], network: Option<&Arc<Http>>) -> Images {
    let mut images = Images { platform: args.platform.clone(), ..Images::default() };
    if let Some(http) = network.filter(|_| targets.iter().any(is_image)) {
        images.transport = Some(http.clone());
        images.credentials = Credentials { file: docker_config(), given: Vec::new() };
    }
    images
}

fn buckets(args: &ImageArgs, targets: &[Target], network: Option<&Arc<Http>>) -> Result<Buckets> {
    let mut buckets = Buckets { versions: args.object_versions, ..Buckets::default() };
    if let Some(http) = network.filter(|_| targets.iter().any(is_bucket)) {
        buckets.transport = Some(http.clone());
        buckets.access = aws::access()?;
    }
    Ok(buckets)
}

/// Where docker keeps its logins.
pub fn docker_config() -> Option<PathBuf> {
    let folder = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(std::env::home_dir()?.join(".docker")));
    folder.map(|folder| folder.join("config.json"))
}

fn history(selection: &Selection, settings: &Settings) -> History {
    let part = selection.range.is_some() || selection.since.is_some();
    match selection.history.or(settings.history) {
        _ if part => History::Part { range: selection.range.clone(), since: selection.since.clone() },
        Some(HistoryArg::None) => History::None,
        _ => History::Everything,
    }
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

pub fn today() -> String {
    date(now())
}
