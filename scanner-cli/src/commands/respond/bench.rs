//! What plans and runs are made with, whoever wants them: responders, limits, the folder of journals, the audit log.

use super::{RespondSettings, Wanted};
use crate::commands::ask::Asking;
use crate::commands::record::{Recorder, state_folder};
use crate::failure::Result;
use crate::vaults::Vaults;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use stopleak_core::Validity;
use stopleak_core::audit::Act;
use stopleak_core::notify::Receiver;
use stopleak_core::respond::announce::All;
use stopleak_core::respond::provider::{Aws, Database, Exchanged, Npm, Ssh};
use stopleak_core::respond::{Guard, Plan, Record, Responder, Target, Task};
use stopleak_core::verify::{Subject, Verifier, Verify};

/// All that a plan and a run need.
pub struct Bench {
    pub asking: Asking,
    pub settings: RespondSettings,
    pub guard: Guard,
    pub announce: Option<All>,
    pub folder: PathBuf,
    pub audit: Audit,
    /// Whether a plan that is only shown goes on record, too.
    pub is_on_record: bool,
    /// Who is told of what came of it.
    pub receivers: Vec<Receiver>,
    pub vaults: Vaults,
    pub wanted: Wanted,
}

/// Those who can end secrets.
pub struct Responders<'b> {
    aws: Aws<'b>,
    database: Database<'b>,
    npm: Npm<'b>,
    ssh: Ssh,
    exchanged: Exchanged<'b>,
}

impl Bench {
    /// Those who can end secrets, with the logins of the settings.
    pub fn responders(&self) -> Result<Responders<'_>> {
        Responders::new(&self.asking.verifier, &self.settings)
    }
}

impl<'b> Responders<'b> {
    /// All of them, with the logins of the settings.
    pub fn new(verifier: &'b Verifier, settings: &RespondSettings) -> Result<Responders<'b>> {
        Ok(Responders {
            aws: Aws::new(verifier.gate(), settings.aws()?),
            database: Database::new(verifier.gate(), settings.database()?),
            npm: Npm::new(verifier),
            ssh: Ssh::new(settings.ssh()),
            exchanged: Exchanged::new(verifier),
        })
    }
}

impl Responders<'_> {
    /// The first that knows a secret carries it out: the one for every rule comes last.
    pub fn all(&self) -> Vec<&dyn Responder> {
        vec![&self.aws, &self.database, &self.npm, &self.ssh, &self.exchanged]
    }
}

/// Where journals are kept: beside the user's other state.
pub fn runs_folder(settings: &RespondSettings) -> Result<PathBuf> {
    if let Some(folder) = settings.state() {
        return Ok(folder.join("runs"));
    }
    Ok(state_folder()?.join("runs"))
}

/// Asks with a budget of its own each time: waiting until a secret is dead outlasts that of a scan.
pub struct Patient<'b>(pub &'b Verifier);

impl Verify for Patient<'_> {
    fn check(&self, subject: &Subject, again: bool) -> Validity {
        self.0.gate().begin_again();
        self.0.check(subject, again)
    }
}

/// The audit log, as what a run writes its steps into.
pub struct Audit {
    recorder: Recorder,
    /// Keyed tags of secrets, by their fingerprints.
    tags: BTreeMap<String, String>,
}

impl Audit {
    /// Entries about nothing yet.
    pub fn new(recorder: Recorder) -> Audit {
        Audit { recorder, tags: BTreeMap::new() }
    }

    /// Entries name these secrets by their tags.
    pub fn about(&mut self, targets: &[Target]) -> Result<()> {
        let keys = self.recorder.keys()?;
        let tag = |target: &Target| (target.fingerprint.to_string(), keys.tag(&target.secret));
        self.tags.extend(targets.iter().map(tag));
        Ok(())
    }

    /// The tag of a secret that is known by its fingerprint.
    pub fn tag(&self, fingerprint: &str) -> String {
        self.tags.get(fingerprint).cloned().unwrap_or_default()
    }

    /// Writes a plan down: `planned` when it is only shown, `confirmed` before it is carried out.
    pub fn plan(&self, plan: &Plan, outcome: &str) -> Result<()> {
        let task = |task: &Task| {
            let steps: Vec<Value> =
                task.steps.iter().map(|step| json!({ "act": step.act, "request": step.request })).collect();
            json!({ "fingerprint": task.fingerprint, "rule": task.rule, "action": task.action, "mode": task.mode,
                "responder": task.responder, "steps": steps, "blocked": task.blocked })
        };
        let tasks: Vec<Value> = plan.tasks.iter().map(task).collect();
        let details = json!({ "run": plan.run, "changes": plan.changes(), "tasks": tasks });
        let tags = plan.tasks.iter().filter_map(|task| self.tags.get(&task.fingerprint));
        let act = Act::new("respond.plan").outcome(outcome).details(details);
        self.recorder.append(tags.fold(act, |act, tag| act.about(tag.clone())), &[])
    }
}

impl Record for Audit {
    fn record(&self, event: &str, subject: &str, mut details: Value) -> std::result::Result<(), String> {
        details["fingerprint"] = json!(subject);
        let outcome = &details["outcome"];
        let word = outcome.as_str().or_else(|| outcome["outcome"].as_str()).map(str::to_owned);
        let word = word.unwrap_or_else(|| if event.ends_with("intent") { "intended" } else { "done" }.to_owned());
        let act = Act::new(event).outcome(&word).details(details);
        let act = match self.tags.get(subject) {
            Some(tag) => act.about(tag.clone()),
            None => act,
        };
        self.recorder.append(act, &[]).map_err(|failure| failure.to_string())
    }
}
