//! Asking providers: what answers come to, where questions may go, and that no value shows.

mod contained;
mod fake;
mod sockets;
mod table;
