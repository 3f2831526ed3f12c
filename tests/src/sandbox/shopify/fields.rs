//! What each field of a shop's object says. A name that is in the schema but not here is null: the made-up shop has nothing to say.

use serde_json::{Value, json};

use super::store::{Item, Store, order_gid, refund_gid, updated_s};
use crate::sandbox::generate::world::{Kind, OWN_GATEWAYS, Order, Status, Transaction, World};
use crate::sandbox::{money, times};

const FIRST_CUSTOMER_ID: u64 = 7_000_000_000_000;
const AUTHORIZED_FOR_S: i64 = 7 * 86_400;

impl Store {
    #[must_use]
    pub fn field(&self, item: Item, name: &str) -> Value {
        match item {
            Item::Order(index) => order_field(&self.world, index, name),
            Item::Transaction(index) => transaction_field(&self.world, index, name),
            Item::Tender { id, transaction } => tender_field(&self.world, id, transaction, name),
            Item::Refund(index) => refund_field(&self.world, index, name),
        }
    }
}

fn reference(gid: &str) -> Value {
    json!({ "$ref": gid })
}

fn instant(at_s: i64) -> Value {
    Value::String(times::rfc3339(at_s))
}

fn money_v2(minor: i64, currency: &str) -> Value {
    json!({ "amount": money::decimal(minor, currency), "currencyCode": currency })
}

fn bag(world: &World, order: &Order, minor: i64) -> Value {
    let shop_minor = money::convert(minor, order.currency, world.shop_currency, order.rate_ppm);
    json!({ "shopMoney": money_v2(shop_minor, world.shop_currency), "presentmentMoney": money_v2(minor, order.currency) })
}

fn payment_method(gateway: &str) -> &'static str {
    match gateway {
        "gift_card" => "gift_card",
        "paypal" => "paypal",
        "manual" => "other",
        _ => "credit_card",
    }
}

fn card_of(world: &World, order: &Order, transaction: &Transaction) -> Option<(String, &'static str)> {
    if !OWN_GATEWAYS.contains(&transaction.gateway) {
        return None;
    }
    let customer = &world.customers[order.customer];
    let company = match customer.brand {
        "visa" => "Visa",
        "mastercard" => "Mastercard",
        _ => "American Express",
    };
    Some((format!("•••• •••• •••• {}", customer.last4), company))
}

/// What an order's transactions add up to, in its own currency.
#[derive(Debug, Default)]
struct Sums {
    received: i64,
    refunded: i64,
    authorized: i64,
    voided: bool,
    captured: bool,
}

impl Sums {
    fn of(world: &World, order: &Order) -> Self {
        let mut sums = Self::default();
        for &at in &order.transactions {
            sums.add(&world.transactions[at]);
        }
        sums
    }

    fn add(&mut self, transaction: &Transaction) {
        if transaction.status != Status::Success {
            return;
        }
        match transaction.kind {
            Kind::Sale => self.received += transaction.amount,
            Kind::Capture => {
                self.received += transaction.amount;
                self.captured = true;
            }
            Kind::Refund => self.refunded += transaction.amount,
            Kind::Authorization => self.authorized += transaction.amount,
            Kind::Void => self.voided = true,
        }
    }

    fn financial_status(&self, total: i64) -> &'static str {
        if self.voided {
            "VOIDED"
        } else if self.refunded > 0 && self.refunded >= self.received {
            "REFUNDED"
        } else if self.refunded > 0 {
            "PARTIALLY_REFUNDED"
        } else if self.received >= total && total > 0 {
            "PAID"
        } else if self.received > 0 {
            "PARTIALLY_PAID"
        } else if self.authorized > 0 {
            "AUTHORIZED"
        } else {
            "PENDING"
        }
    }
}

fn order_field(world: &World, index: usize, name: &str) -> Value {
    let order = &world.orders[index];
    match name {
        "id" => json!(order_gid(order)),
        "legacyResourceId" => json!(order.id.to_string()),
        "name" => json!(format!("#{}", order.number)),
        "number" => json!(order.number),
        "confirmationNumber" => json!(format!("C{:08X}", order.id % 0xFFFF_FFFF)),
        "createdAt" | "processedAt" => instant(order.at_s),
        "updatedAt" => instant(updated_s(world, order)),
        "cancelledAt" => json!(order.cancelled_at_s.map(times::rfc3339)),
        "cancelReason" => json!(order.cancelled_at_s.map(|_| "CUSTOMER")),
        "closed" | "edited" => json!(false),
        "confirmed" | "billingAddressMatchesShippingAddress" => json!(true),
        "test" => json!(order.test),
        "currencyCode" => json!(world.shop_currency),
        "presentmentCurrencyCode" => json!(order.currency),
        "paymentGatewayNames" => {
            let mut gateways: Vec<&str> = order.transactions.iter().map(|&at| world.transactions[at].gateway).collect();
            gateways.dedup();
            json!(gateways)
        }
        "email" => json!(email_of(world, order)),
        "sourceName" => json!("web"),
        "tags" | "disputes" => json!([]),
        "statusPageUrl" => json!(format!("https://shop.example/orders/{index}")),
        "customer" => customer_of(world, order),
        "totalPriceSet" | "currentTotalPriceSet" | "originalTotalPriceSet" | "subtotalPriceSet" => {
            bag(world, order, order.total)
        }
        "totalTaxSet"
        | "totalShippingPriceSet"
        | "totalDiscountsSet"
        | "totalTipReceivedSet"
        | "refundDiscrepancySet" => bag(world, order, 0),
        "transactionsCount" => json!({ "count": order.transactions.len(), "precision": "EXACT" }),
        "transactions" => order.transactions.iter().map(|&at| reference(&world.transaction_gid(at))).collect(),
        "refunds" => {
            let refunds = order.transactions.iter().filter(|&&at| world.transactions[at].kind == Kind::Refund);
            refunds.map(|&at| reference(&refund_gid(at))).collect()
        }
        _ => sum_field(world, order, name),
    }
}

/// Fields that follow from what the transactions add up to.
fn sum_field(world: &World, order: &Order, name: &str) -> Value {
    let sums = Sums::of(world, order);
    let capturable = if sums.captured || sums.voided { 0 } else { sums.authorized };
    match name {
        "unpaid" => json!(sums.received == 0),
        "fullyPaid" => json!(sums.received >= order.total),
        "refundable" => json!(sums.received > sums.refunded),
        "capturable" => json!(capturable > 0),
        "displayFinancialStatus" => json!(sums.financial_status(order.total)),
        "totalReceivedSet" => bag(world, order, sums.received),
        "totalRefundedSet" => bag(world, order, sums.refunded),
        "netPaymentSet" => bag(world, order, sums.received - sums.refunded),
        "totalOutstandingSet" => bag(world, order, if sums.voided { 0 } else { (order.total - sums.received).max(0) }),
        "totalCapturableSet" => bag(world, order, capturable),
        _ => Value::Null,
    }
}

fn email_of<'w>(world: &'w World, order: &Order) -> Option<&'w str> {
    order.shows_email.then_some(world.customers[order.customer].email.as_str())
}

fn customer_of(world: &World, order: &Order) -> Value {
    let customer = &world.customers[order.customer];
    let (given, family) = customer.name.split_once(' ').unwrap_or((&customer.name, ""));
    let id = FIRST_CUSTOMER_ID + order.customer as u64;
    json!({
        "id": format!("gid://shopify/Customer/{id}"),
        "legacyResourceId": id.to_string(),
        "displayName": customer.name,
        "firstName": given,
        "lastName": family,
        "email": email_of(world, order),
        "createdAt": instant(order.at_s),
        "updatedAt": instant(order.at_s),
    })
}

fn transaction_field(world: &World, index: usize, name: &str) -> Value {
    let transaction = &world.transactions[index];
    let order = &world.orders[transaction.order];
    match name {
        "id" => json!(world.transaction_gid(index)),
        "order" => reference(&order_gid(order)),
        "kind" => json!(match transaction.kind {
            Kind::Authorization => "AUTHORIZATION",
            Kind::Capture => "CAPTURE",
            Kind::Sale => "SALE",
            Kind::Refund => "REFUND",
            Kind::Void => "VOID",
        }),
        "status" => json!(match transaction.status {
            Status::Success => "SUCCESS",
            Status::Failure => "FAILURE",
            Status::Error => "ERROR",
            Status::Pending => "PENDING",
        }),
        "errorCode" => match transaction.status {
            Status::Failure => json!("CARD_DECLINED"),
            Status::Error => json!("PROCESSING_ERROR"),
            Status::Success | Status::Pending => Value::Null,
        },
        "gateway" => json!(transaction.gateway),
        "formattedGateway" => json!(transaction.gateway.replace('_', " ")),
        "manualPaymentGateway" => json!(transaction.gateway == "manual"),
        "amountSet" => json!({
            "shopMoney": money_v2(transaction.shop_amount, world.shop_currency),
            "presentmentMoney": money_v2(transaction.amount, order.currency),
        }),
        "amountV2" => money_v2(transaction.shop_amount, world.shop_currency),
        "totalUnsettledSet" => bag(world, order, 0),
        "createdAt" | "processedAt" => instant(transaction.at_s),
        "parentTransaction" => {
            transaction.parent.map_or(Value::Null, |parent| reference(&world.transaction_gid(parent)))
        }
        "paymentId" => json!(transaction.payment_id),
        "accountNumber" => json!(card_of(world, order, transaction).map(|(number, _)| number)),
        "paymentDetails" => card_of(world, order, transaction).map_or(Value::Null, |(number, company)| {
            let customer = &world.customers[order.customer];
            json!({
                "__typename": "CardPaymentDetails",
                "number": number,
                "company": company,
                "name": customer.name,
                "expirationMonth": 12,
                "expirationYear": 2031,
                "paymentMethodName": customer.brand,
            })
        }),
        "fees" => json!([]),
        "test" => json!(transaction.test),
        "authorizationExpiresAt" if transaction.kind == Kind::Authorization => {
            instant(transaction.at_s + AUTHORIZED_FOR_S)
        }
        "manuallyCapturable" | "multiCapturable" => json!(false),
        "receiptJson" => json!("{}"),
        _ => Value::Null,
    }
}

fn tender_field(world: &World, id: u64, index: usize, name: &str) -> Value {
    let transaction = &world.transactions[index];
    let order = &world.orders[transaction.order];
    match name {
        "id" => json!(format!("gid://shopify/TenderTransaction/{id}")),
        "amount" => {
            let signed = if transaction.kind == Kind::Refund { -transaction.amount } else { transaction.amount };
            money_v2(signed, order.currency)
        }
        "processedAt" => instant(transaction.at_s),
        "order" => reference(&order_gid(order)),
        "paymentMethod" => json!(payment_method(transaction.gateway)),
        "remoteReference" => json!(transaction.payment_id),
        "test" => json!(transaction.test),
        "transactionDetails" => card_of(world, order, transaction).map_or(Value::Null, |(number, company)| {
            json!({ "__typename": "TenderTransactionCreditCardDetails", "creditCardNumber": number, "creditCardCompany": company })
        }),
        _ => Value::Null,
    }
}

fn refund_field(world: &World, index: usize, name: &str) -> Value {
    let transaction = &world.transactions[index];
    let order = &world.orders[transaction.order];
    let gid = refund_gid(index);
    match name {
        "legacyResourceId" => json!(gid.rsplit('/').next()),
        "id" => json!(gid),
        "order" => reference(&order_gid(order)),
        "createdAt" | "processedAt" | "updatedAt" => instant(transaction.at_s),
        "totalRefundedSet" => {
            bag(world, order, if transaction.status == Status::Success { transaction.amount } else { 0 })
        }
        "transactions" => json!([reference(&world.transaction_gid(index))]),
        _ => Value::Null,
    }
}
