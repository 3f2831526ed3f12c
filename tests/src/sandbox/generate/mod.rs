//! From (preset, orders, seed, start, end) to a made-up shop, the same one every time.
//!
//! [`schedule`] says when orders happen, [`scenario`] what happens to each, [`evidence`] what is left of the connection between
//! the two providers' records, and [`refunds`] what is given back. The name of a shop plays no part.

pub mod amounts;
pub mod evidence;
pub mod payments;
pub mod presets;
pub mod refunds;
pub mod scenario;
pub mod schedule;
pub mod world;

use amounts::Amounts;
use evidence::Habits;
use presets::Preset;
use schedule::Slot;
use world::{Customer, Order, Window, World};

use super::money;
use super::random::Random;

/// What a dataset is made from.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    pub preset: Preset,
    pub orders: usize,
    pub seed: u64,
    pub window: Window,
}

const FIRST_ORDER_ID: u64 = 5_000_000_000_000;
const FIRST_TRANSACTION_ID: u64 = 6_900_000_000_000;
const FIRST_ORDER_NUMBER: u64 = 1001;
const SHOP_CURRENCY: &str = "USD";

/// Currency and the worth of one unit in the shop's currency, in millionths.
const CURRENCIES: [(&str, i64); 6] =
    [("USD", 1_000_000), ("EUR", 1_085_000), ("GBP", 1_265_000), ("JPY", 6_700), ("KWD", 3_250_000), ("CAD", 735_000)];

const GIVEN: [&str; 16] = [
    "Ada", "Bruno", "Chiara", "Deniz", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kira", "Luca", "Mina",
    "Noor", "Olga", "Pavel",
];
const FAMILY: [&str; 16] = [
    "Abel", "Berg", "Costa", "Dahl", "Eder", "Fischer", "Grant", "Hugo", "Ito", "Jansen", "Kaya", "Lind", "Moreau",
    "Novak", "Okoye", "Price",
];

/// Builds a [`World`] order by order.
#[derive(Debug)]
pub struct Builder {
    preset: Preset,
    window: Window,
    random: Random,
    amounts: Amounts,
    habits: Habits,
    groups: Vec<Option<i64>>,
    /// Strong values that charges already carry: reused and swapped ones come from here.
    carried: Vec<usize>,
    world: World,
}

#[must_use]
pub fn generate(recipe: &Recipe) -> World {
    let Recipe { preset, orders, seed, window } = *recipe;
    let seed_text = format!("{}|{orders}|{seed}|{}|{}", preset.name, window.start_s, window.end_s);
    let mut random = Random::from_text(&seed_text);
    let mut timing = random.fork();
    let (slots, groups) = schedule::schedule(&preset, orders, window, &mut timing);
    let customers = customers(slots.len(), &mut random.fork());
    let habits = Habits::draw(&mut random.fork());
    let world = World {
        window,
        seed_text,
        shop_currency: SHOP_CURRENCY,
        customers,
        orders: Vec::with_capacity(slots.len()),
        transactions: Vec::with_capacity(slots.len() * 2),
        charges: Vec::with_capacity(slots.len() * 2),
        refunds: Vec::new(),
        disputes: Vec::new(),
        links: Vec::with_capacity(slots.len() * 2),
        restless: preset.restless,
    };
    let mut builder = Builder {
        preset,
        window,
        random,
        amounts: Amounts::default(),
        habits,
        groups: vec![None; groups],
        carried: Vec::new(),
        world,
    };
    for slot in &slots {
        builder.play(slot);
    }
    builder.swap_references();
    builder.number_transactions();
    builder.world
}

fn customers(orders: usize, random: &mut Random) -> Vec<Customer> {
    (0..(orders * 4 / 5).max(3))
        .map(|index| {
            let (given, family) = (random.pick(&GIVEN), random.pick(&FAMILY));
            Customer {
                email: format!("{}.{}{index}@example.com", given.to_lowercase(), family.to_lowercase()),
                name: format!("{given} {family}"),
                last4: format!("{:04}", random.within(0, 10_000)),
                brand: random.pick(&["visa", "mastercard", "amex"]),
            }
        })
        .collect()
}

impl Builder {
    fn open_order(&mut self, slot: &Slot) -> usize {
        let index = self.world.orders.len();
        let (currency, rate) = if self.preset.many_currencies && !self.random.percent(40) {
            self.random.pick(&CURRENCIES)
        } else {
            CURRENCIES[0]
        };
        let rate_ppm =
            if currency == SHOP_CURRENCY { rate } else { rate + rate * self.random.within(-50, 51) / 10_000 };
        let gateway = self.habits.gateway(&mut self.random);
        let customer = self.random.index(self.world.customers.len());
        let shows_email = self.random.percent(97);
        let id = FIRST_ORDER_ID + (index as u64) * 32_768 + self.random.draw() % 4096;
        let number = FIRST_ORDER_NUMBER + index as u64;
        self.world.orders.push(Order {
            id,
            number,
            at_s: slot.at_s,
            customer,
            shows_email,
            currency,
            total: 0,
            rate_ppm,
            gateway,
            transactions: Vec::with_capacity(2),
            test: false,
            cancelled_at_s: None,
        });
        index
    }

    /// A price in the order's own minor units.
    fn in_currency(&self, order: usize, amount: i64) -> i64 {
        if money::exponent(self.world.orders[order].currency) == 3 { amount * 10 } else { amount }
    }

    /// The shop numbers its transactions as they come.
    fn number_transactions(&mut self) {
        let mut by_time: Vec<usize> = (0..self.world.transactions.len()).collect();
        by_time.sort_by_key(|&index| (self.world.transactions[index].at_s, index));
        let mut id = FIRST_TRANSACTION_ID;
        for index in by_time {
            id += 32_768;
            self.world.transactions[index].id = id;
        }
    }
}
