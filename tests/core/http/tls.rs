//! A server on loopback that speaks TLS.

use crate::server::{Asked, Reply, Server};
use std::sync::Arc;

/// Serves TLS with a certificate for 127.0.0.1; returns the authority behind it, too, in PEM.
pub fn start_tls(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> (Server, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate can be made");
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("it is a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the versions are known")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("key and certificate belong together");
    let config = Arc::new(config);
    let wrap = move |stream| -> Box<dyn crate::server::Connection> {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("the settings are good");
        Box::new(rustls::StreamOwned::new(connection, stream))
    };
    (Server::serve(Arc::new(wrap), Arc::new(answer)), made.cert.pem())
}
