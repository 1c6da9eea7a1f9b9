//! TLS over a connection that stands: for protocols that are no HTTP. The system's certificate authorities, and one's own.

use super::error::TransportError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{Read, Write};
use std::sync::Arc;

/// Bytes both ways.
pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// Makes connections safe; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the system's certificate authorities, and those in `extra_ca` (PEM).
    pub fn new(extra_ca: Option<&[u8]>) -> Result<Tls, TransportError> {
        let no_ca = || TransportError::Other("the certificate authority is no PEM certificate".into());
        let extra: Vec<CertificateDer<'static>> = match extra_ca {
            Some(pem) => CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|_| no_ca())?,
            None => Vec::new(),
        };
        if extra_ca.is_some() && extra.is_empty() {
            return Err(no_ca());
        }
        let no_tls = |error: rustls::Error| TransportError::Other(format!("TLS cannot be used: {error}"));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider));
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(no_tls)?.dangerous();
        let builder = builder.with_custom_certificate_verifier(Arc::new(verifier.map_err(no_tls)?));
        Ok(Tls(Arc::new(builder.with_no_client_auth())))
    }

    /// Speaks TLS from here on; `host` is who must be at the other end. How long that may take is the stream's to say.
    pub fn wrap<S>(&self, mut stream: S, host: &str) -> Result<Box<dyn Stream>, TransportError>
    where
        S: Stream + 'static,
    {
        let failed = |reason: String| TransportError::Tls { host: host.to_owned(), reason };
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name =
            ServerName::try_from(bare).map_err(|_| failed("its name is none that a certificate can hold".into()))?;
        let client = ClientConnection::new(Arc::clone(&self.0), name);
        let mut client = client.map_err(|error| failed(error.to_string()))?;
        while client.is_handshaking() {
            client.complete_io(&mut stream).map_err(|error| match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    TransportError::Timeout { host: host.to_owned() }
                }
                _ => failed(error.to_string()),
            })?;
        }
        Ok(Box::new(StreamOwned::new(client, stream)))
    }
}
