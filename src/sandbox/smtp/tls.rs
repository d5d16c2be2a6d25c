//! A certificate authority made at start, and the server's certificate signed by it.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The authority and the acceptor that shows a certificate of it.
pub struct CertificateAuthority {
    pem: String,
    acceptor: TlsAcceptor,
}

impl CertificateAuthority {
    /// Makes an authority and a server certificate for `hostname`, `localhost`, 127.0.0.1 and ::1.
    ///
    /// # Errors
    /// When a key or certificate cannot be made, or `hostname` is not a name a certificate may carry.
    pub fn new(hostname: &str) -> io::Result<Self> {
        let authority = authority().map_err(io::Error::other)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = server(hostname)
            .and_then(|params| params.signed_by(&key, &authority))
            .map_err(io::Error::other)?;
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
                )
                .map_err(io::Error::other)?;
        Ok(Self {
            pem: authority.pem(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// The authority's own certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// What turns a TCP stream into a TLS one, the server's side.
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "sheetbridge sandbox CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server(hostname: &str) -> Result<CertificateParams, rcgen::Error> {
    let names = [hostname, "localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, hostname);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Strict verifiers (Python 3.13 among them) ask for the authority's key identifier.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
