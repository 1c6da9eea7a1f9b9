//! The library's tests, one module a subject.

mod architecture;
mod archive;
mod assignment;
mod audit;
mod buckets;
mod ci;
mod contexts;
mod decode;
mod delta;
mod event;
mod exchange;
mod forge;
mod fuzz;
mod git_objects;
mod git_select;
mod http;
mod images;
mod import;
mod inbound;
mod linear;
mod mask;
mod matrix;
mod notify;
mod origins;
mod policy;
mod properties;
mod reference;
mod report;
mod respond;
mod rules;
mod score;
mod stream;
mod suppress;
#[cfg(unix)]
mod sweep;
mod sweep_targets;
#[cfg(unix)]
mod typed;
mod vault;
mod verify;

#[path = "../support/archive.rs"]
mod archives;
#[path = "../support/chromium.rs"]
mod chromium;
#[path = "../support/encode.rs"]
mod encode;
#[path = "../support/events.rs"]
mod events;
#[path = "../support/finding.rs"]
mod made;
#[path = "../support/packed.rs"]
mod packed;
#[path = "../support/kv2.rs"]
mod kv2;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;
