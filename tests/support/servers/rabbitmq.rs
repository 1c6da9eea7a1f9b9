//! RabbitMQ: one user, whose password is set at the start.

use super::{Running, find, free_port, start, unprivileged};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// With one user and the virtual host `/`.
pub fn rabbitmq(user: &str, password: &str) -> Option<Running> {
    find("rabbitmq-server", "AMQP")?;
    // The program on the PATH insists on its own user; the one beneath does not.
    let server =
        fs::read_dir("/usr/lib/rabbitmq/lib").ok()?.flatten().map(|entry| entry.path().join("sbin/rabbitmq-server"));
    let server = server.into_iter().find(|file| file.is_file())?;
    let (home, port) = (TempDir::new().unwrap(), free_port());
    let config = format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {user}\ndefault_pass = {password}\nloopback_users = none\n"
    );
    fs::write(home.path().join("rabbitmq.conf"), config).unwrap();
    fs::write(home.path().join("plugins"), "[].").unwrap();
    let path = |name: &str| home.path().join(name);
    let mut command = Command::new(server);
    command.env("HOME", home.path()).env("RABBITMQ_NODENAME", format!("test{port}@localhost"));
    command.env("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")).env("RABBITMQ_ENABLED_PLUGINS_FILE", path("plugins"));
    command.env("RABBITMQ_MNESIA_BASE", path("db")).env("RABBITMQ_LOG_BASE", path("logs"));
    command.env("RABBITMQ_PID_FILE", path("pid")).env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
    // Erlang's own connections: on loopback, at a free port.
    command.env("ERL_EPMD_ADDRESS", "127.0.0.1").env("ERL_EPMD_PORT", free_port().to_string());
    command.env("RABBITMQ_DIST_PORT", free_port().to_string());
    command.env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1");
    unprivileged(&mut command, home.path());
    Some(start(command, home, port))
}
