use smoltcp::config::DNS_MAX_RESULT_COUNT;
use smoltcp::wire::IpAddress;

/// Addresses that were not tried yet, in the order in which they will be.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    list: [Option<IpAddress>; DNS_MAX_RESULT_COUNT],
    /// No address is left, but the name may have IPv6 ones that were not asked for.
    ask_for_ipv6: bool,
}

impl Addresses {
    pub(crate) fn one(address: IpAddress) -> Self {
        let mut addresses = Self::default();
        if let Some(first) = addresses.list.first_mut() {
            *first = Some(address);
        }
        addresses
    }

    /// Those that a name server gave, and whether to ask it once more.
    #[cfg(feature = "dns")]
    pub(crate) fn of_name(found: impl IntoIterator<Item = IpAddress>, ask_for_ipv6: bool) -> Self {
        let mut addresses = Self { ask_for_ipv6, ..Self::default() };
        for (place, address) in addresses.list.iter_mut().zip(found) {
            *place = Some(address);
        }
        addresses
    }

    pub(crate) fn next(&mut self) -> Option<IpAddress> {
        self.list.iter_mut().find_map(Option::take)
    }

    /// Whether an address that does not answer should be given up for another one.
    pub(crate) fn more(&self) -> bool {
        self.ask_for_ipv6 || self.list.iter().any(Option::is_some)
    }

    /// Whether the name is to be resolved once more, for IPv6 addresses.
    pub(crate) const fn ask_for_ipv6(&self) -> bool {
        self.ask_for_ipv6
    }
}
