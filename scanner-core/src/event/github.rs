//! GitHub's events: the payload of a workflow's run and the variables beside it.

use super::{Base, Commits, Event, EventError, Point, Scope, branch_name, id, missing, others};
use crate::blob::ObjectId;
use serde_json::Value;

/// What GitHub tells a workflow's run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run<'a> {
    /// `GITHUB_EVENT_NAME`.
    pub event: &'a str,
    /// The content of the file that `GITHUB_EVENT_PATH` names.
    pub payload: &'a str,
    /// `GITHUB_SHA`.
    pub sha: &'a str,
    /// `GITHUB_REF`.
    pub reference: &'a str,
}

/// Reads what started the run.
pub fn read(run: &Run) -> Result<Event, EventError> {
    let unreadable = |error: serde_json::Error| EventError::Unreadable {
        event: run.event.to_owned(),
        reason: format!("its payload is no JSON (line {}, column {})", error.line(), error.column()),
    };
    let payload: Value = serde_json::from_str(run.payload).map_err(unreadable)?;
    let reader = Reader { run, payload: &payload };
    Ok(Event { name: run.event.to_owned(), scope: reader.scope()? })
}

struct Reader<'a> {
    run: &'a Run<'a>,
    payload: &'a Value,
}

impl Reader<'_> {
    fn scope(&self) -> Result<Scope, EventError> {
        match self.run.event {
            "push" => self.push(),
            "merge_group" => self.merge_group(),
            "create" => self.created(self.id("/sha")?, self.run.reference),
            "delete" => Ok(Scope::Nothing(format!("{} was deleted", self.text("/ref").unwrap_or("a reference")))),
            // Reviews and their comments carry the pull request, too.
            _ if self.payload.pointer("/pull_request/head/sha").is_some() => self.pull_request(),
            name => Ok(Scope::Everything(format!("`{name}` brings no commits of its own"))),
        }
    }

    fn push(&self) -> Result<Scope, EventError> {
        let reference = self.text("/ref").unwrap_or(self.run.reference);
        let after = self.id("/after")?;
        if self.flag("/deleted") || (after.is_none() && self.text("/after").is_some()) {
            return Ok(Scope::Nothing(format!("{reference} was deleted")));
        }
        let Some(before) = self.id("/before")?.filter(|_| !reference.starts_with("refs/tags/")) else {
            return self.created(after, reference);
        };
        let head = self.head(after, vec![reference.to_owned()])?;
        if head.id == before {
            return Ok(Scope::Nothing("the push changed nothing: before and after are the same commit".to_owned()));
        }
        let base = Base::Before { id: before, is_forced: self.flag("/forced"), branches: self.branches(reference) };
        Ok(Scope::Commits(Commits { head, base, merge: None }))
    }

    /// A branch's first push, or a tag.
    fn created(&self, after: Option<ObjectId>, reference: &str) -> Result<Scope, EventError> {
        let head = self.head(after, vec![reference.to_owned()])?;
        let base = Base::Branches(self.branches(reference));
        Ok(Scope::Commits(Commits { head, base, merge: None }))
    }

    fn pull_request(&self) -> Result<Scope, EventError> {
        let number = self.payload.pointer("/pull_request/number").and_then(Value::as_u64);
        // The base repository hands out a fork's head under this name.
        let of_head = number.map(|number| format!("refs/pull/{number}/head"));
        let head = self.point("/pull_request/head/sha", of_head.into_iter().collect())?;
        let of_base = self.text("/pull_request/base/ref").map(|name| format!("refs/heads/{name}"));
        let base = self.point("/pull_request/base/sha", of_base.into_iter().collect())?;
        self.between(base, head)
    }

    fn merge_group(&self) -> Result<Scope, EventError> {
        if self.text("/action") == Some("destroyed") {
            return Ok(Scope::Nothing("the merge group was dissolved".to_owned()));
        }
        let full = |pointer: &str| self.text(pointer).map(|name| format!("refs/heads/{}", branch_name(name)));
        let head = self.point("/merge_group/head_sha", full("/merge_group/head_ref").into_iter().collect())?;
        let base = self.point("/merge_group/base_sha", full("/merge_group/base_ref").into_iter().collect())?;
        self.between(base, head)
    }

    fn between(&self, base: Point, head: Point) -> Result<Scope, EventError> {
        if base.id == head.id {
            return Ok(Scope::Nothing("base and head are the same commit".to_owned()));
        }
        let merge = id(self.run.event, "GITHUB_SHA", self.run.sha)?.filter(|sha| *sha != head.id);
        Ok(Scope::Commits(Commits { head, base: Base::Commit(base), merge }))
    }

    fn branches(&self, reference: &str) -> Vec<String> {
        let default = self.text("/repository/default_branch").or(self.text("/repository/master_branch"));
        others([default, self.text("/base_ref")], branch_name(reference))
    }

    fn point(&self, pointer: &str, references: Vec<String>) -> Result<Point, EventError> {
        let id = self.id(pointer)?.ok_or_else(|| missing(self.run.event, &pointer[1..].replace('/', ".")))?;
        Ok(Point { id, references })
    }

    /// What the payload names, else what the run was started for.
    fn head(&self, named: Option<ObjectId>, references: Vec<String>) -> Result<Point, EventError> {
        let of_run = id(self.run.event, "GITHUB_SHA", self.run.sha)?;
        let id = named.or(of_run).ok_or_else(|| missing(self.run.event, "after"))?;
        Ok(Point { id, references })
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.payload.pointer(pointer)?.as_str()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.payload.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    fn id(&self, pointer: &str) -> Result<Option<ObjectId>, EventError> {
        id(self.run.event, &pointer[1..].replace('/', "."), self.text(pointer).unwrap_or_default())
    }
}
