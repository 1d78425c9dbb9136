//! stub
/// stub
#[derive(Debug)]
pub struct ConnectionSlot {}
impl ConnectionSlot { /// An unused one.
 pub const fn new() -> Self { Self {} } }
/// Why a connection, or the attempt to open one, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The transport reported an error of this kind: `NotFound`, the name does not resolve; `ConnectionRefused`,
    /// nobody listens; and so on.
    Transport(embedded_io::ErrorKind),
    /// The peer closed the connection.
    PeerClosed,
    /// The connection was not set up within `socket_connection_setup_timeout_ms`.
    SetupTimeout,
    /// A request was not answered within `request_timeout_ms`.
    RequestTimeout,
    /// A response was not what the protocol allows; perhaps the port speaks something else.
    MalformedResponse,
    /// The peer does not speak a version of a request that this producer needs.
    UnsupportedVersion,
    /// The producer closed it: `close`, or room was needed for a connection to another broker.
    Closed,
}
