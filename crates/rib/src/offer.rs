//! What other protocols may tell of the routes here: the feed of `redistribute` and `network`.
//!
//! A prefix whose best route is connected or static is offered. What changed since it was told is marked in the row, so
//! that a promoted standby tells the rest, and nothing twice.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use chassis::rows::PrefixKey;
use checkpoint::{Index, Row};
use core::ops::Bound;
use packet::{Address, Family, Prefix};

use crate::route::decode_address;
use crate::{Protocol, Rib, RouteFamily, RouteKey, Via};

/// A best route, as another protocol sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered<F: Family> {
    /// [`Protocol::Connected`] or [`Protocol::Static`].
    pub protocol: Protocol,
    /// The first of its next hops; `None` when it points to a link, or to nowhere.
    pub next_hop: Option<F::Address>,
    /// Its metric.
    pub metric: u32,
    /// Its tag.
    pub tag: u32,
}

/// What is offered of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<F: Family> {
    /// The route; `None`: there is none any more, which is yet to be told.
    pub route: Option<Offered<F>>,
    /// Whether it changed since it was told.
    pub is_news: bool,
}

/// Tagged form of [`Offer`].
#[derive(Clone, PartialEq, prost::Message)]
pub struct OfferRecord {
    /// See [`Offered::protocol`]; 0: no route.
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// See [`Offered::next_hop`]: its bytes, or none.
    #[prost(bytes = "vec", tag = "2")]
    pub next_hop: Vec<u8>,
    /// See [`Offered::metric`].
    #[prost(uint32, tag = "3")]
    pub metric: u32,
    /// See [`Offered::tag`].
    #[prost(uint32, tag = "4")]
    pub tag: u32,
    /// See [`Offer::is_news`].
    #[prost(bool, tag = "5")]
    pub is_news: bool,
}

impl<F: RouteFamily> Row for Offer<F> {
    type Record = OfferRecord;

    fn to_record(&self) -> OfferRecord {
        let Offer { route, is_news } = *self;
        let Some(route) = route else {
            return OfferRecord {
                is_news,
                ..OfferRecord::default()
            };
        };
        let Offered {
            protocol,
            next_hop,
            metric,
            tag,
        } = route;
        OfferRecord {
            protocol: u32::from(protocol as u8),
            next_hop: next_hop.map_or(Vec::new(), |address| address.to_bytes().as_ref().to_vec()),
            metric,
            tag,
            is_news,
        }
    }

    fn from_record(record: OfferRecord) -> Result<Self, &'static str> {
        let protocol = u8::try_from(record.protocol).map_err(|_| "protocol")?;
        let next_hop = match record.next_hop.as_slice() {
            [] => None,
            bytes => Some(decode_address::<F>(bytes).ok_or("next hop")?),
        };
        let route = match protocol {
            0 => None,
            number => Some(Offered {
                protocol: Protocol::from_number(number)
                    .filter(|protocol| is_offered(*protocol))
                    .ok_or("protocol")?,
                next_hop,
                metric: record.metric,
                tag: record.tag,
            }),
        };
        Ok(Offer {
            route,
            is_news: record.is_news,
        })
    }
}

const fn is_offered(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Connected | Protocol::Static)
}

/// The prefixes with news.
#[derive(Clone, Debug)]
pub struct OfferIndex<F: Family>(BTreeSet<Prefix<F>>);

impl<F: Family> Default for OfferIndex<F> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<F: RouteFamily> Index<PrefixKey<F>, Offer<F>> for OfferIndex<F> {
    fn inserted(&mut self, key: &PrefixKey<F>, offer: &Offer<F>) {
        if offer.is_news {
            self.0.insert(key.0);
        }
    }

    fn removed(&mut self, key: &PrefixKey<F>, _: &Offer<F>) {
        self.0.remove(&key.0);
    }
}

/// A change of what is offered: the prefix, and its route if there is one now.
pub type OfferChange<F> = (Prefix<F>, Option<Offered<F>>);

impl<F: RouteFamily> Rib<F> {
    /// The best routes of a prefix are these.
    pub(crate) fn offer(&mut self, prefix: Prefix<F>, best: &[RouteKey<F>]) {
        let first = best.first().filter(|key| is_offered(key.protocol));
        let key = PrefixKey(prefix);
        if first.is_none() && !self.offers.contains_key(&key) {
            return;
        }
        let route = first.and_then(|first| {
            let route = self.routes.get(first)?;
            let next_hop = match first.via {
                Via::Neighbor(_, address) | Via::NextHop(address) => Some(address),
                Via::Own(_) | Via::Attached(_) | Via::Discard => None,
            };
            Some(Offered {
                protocol: first.protocol,
                next_hop,
                metric: route.metric,
                tag: route.tag,
            })
        });
        self.offers.replace(key, |before| match before {
            Some(before) if before.route == route => Some(*before),
            _ => Some(Offer { route, is_news: true }),
        });
    }

    /// What `redistribute` may tell of `prefix`, and `network` look for: its best route, if that is connected or static.
    pub fn offered(&self, prefix: Prefix<F>) -> Option<Offered<F>> {
        self.offers.get(&PrefixKey(prefix)).and_then(|offer| offer.route)
    }

    /// At most `count_max` of all that is offered, in order, after `after`: for who asks for the first time.
    pub fn offers_after(
        &self,
        after: Option<Prefix<F>>,
        count_max: usize,
    ) -> impl Iterator<Item = (Prefix<F>, Offered<F>)> + '_ {
        let start = match after {
            Some(prefix) => Bound::Excluded(PrefixKey(prefix)),
            None => Bound::Unbounded,
        };
        self.offers
            .range((start, Bound::Unbounded))
            .filter_map(|(key, offer)| Some((key.0, offer.route?)))
            .take(count_max)
    }

    /// Whether [`Rib::take_redistribution_changes`] has something.
    pub fn has_redistribution_changes(&self) -> bool {
        !self.offers.index().0.is_empty()
    }

    /// At most `count_max` changes of what is offered, each told once: the newest state of each prefix. To be acted upon
    /// in the same turn; then neither is lost, nor told twice, whenever this route processor dies.
    pub fn take_redistribution_changes(&mut self, count_max: usize) -> Vec<OfferChange<F>> {
        let changed: Vec<_> = self.offers.index().0.iter().take(count_max).copied().collect();
        let mut changes = Vec::with_capacity(changed.len());
        for prefix in changed {
            self.offers.replace(PrefixKey(prefix), |offer| {
                let route = offer.and_then(|offer| offer.route);
                changes.push((prefix, route));
                route.map(|route| Offer {
                    route: Some(route),
                    is_news: false,
                })
            });
        }
        changes
    }
}
