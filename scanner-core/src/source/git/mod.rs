//! A git repository as a source of blobs.

pub mod attribution; // who introduced a blob, and where
pub mod bits; // sets of object numbers
pub mod changes; // what a commit changed
mod frontier; // new commits told from known ones
pub mod graph; // commits and tags as compact tables
pub mod incoming; // what a push brings
pub mod message; // who wrote a commit or tag
pub mod objects;
pub mod reach; // which commits are new, and whether a shallow clone shows them all
pub mod references; // the names of a repository
pub mod repository; // where it is and what names its history
pub mod revisions; // what a range names
pub mod selection; // which objects a scan wants
pub mod staged; // what the next commit would add
pub mod trees; // trees as compact tables
