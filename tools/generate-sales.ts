/**
 * The SQL behind the generated `sales` feed: order lines of a shop, fifteen columns, with the repetition that real
 * feeds have. Every value is a function of (seed, order, line), so the same seed gives the same rows whatever the
 * number of threads.
 *
 * The shape: one to seven lines an order, four on average, the lines of one order next to each other. The larger a
 * customer's rank the fewer orders it has (density falls with the square root of the rank), and a product's share
 * falls with its rank (Zipf, exponent 1). One order in six spells its customer's e-mail in another way.
 */
export interface SalesShape {
  rows: number;
  seed: number;
  customers: number;
  products: number;
}

/** Rows per customer and per product are kept when the number of rows changes: 2,000,000 rows have some 120,000 customers. */
export function salesShape(rows: number, seed: number): SalesShape {
  return {
    rows,
    seed,
    customers: Math.max(10, Math.round(rows * 0.0625)),
    products: Math.max(5, Math.min(5_000, Math.round(rows / 40))),
  };
}

const listOf = (texts: readonly string[]): string => `[${texts.map((text) => `'${text}'`).join(', ')}]`;

const givenNames = [
  'Ada',
  'Alan',
  'Barbara',
  'Claude',
  'Donald',
  'Edsger',
  'Frances',
  'Grace',
  'Hedy',
  'John',
  'Katherine',
  'Leslie',
  'Margaret',
  'Niklaus',
  'Radia',
  'Tony',
];
const familyNames = [
  'Allen',
  'Byron',
  'Dijkstra',
  'Goldberg',
  'Hamilton',
  'Hoare',
  'Hopper',
  'Johnson',
  'Knuth',
  'Lamarr',
  'Lamport',
  'Liskov',
  'Neumann',
  'Perlman',
  'Shannon',
  'Turing',
  'Wirth',
];
const mailHosts = ['example.com', 'example.net', 'example.org', 'mail.example.com', 'shop.example.net'];
/** The first countries are the likelier ones. */
const countries = [
  'DE',
  'US',
  'GB',
  'FR',
  'NL',
  'PL',
  'IT',
  'ES',
  'SE',
  'AT',
  'CH',
  'BE',
  'DK',
  'NO',
  'FI',
  'CZ',
  'PT',
  'IE',
  'HU',
  'RO',
  'BG',
  'GR',
  'HR',
  'SI',
  'EE',
];
const categories = [
  'Audio',
  'Books',
  'Camping',
  'Garden',
  'Health',
  'Home',
  'Kitchen',
  'Office',
  'Outdoor',
  'Sports',
  'Tools',
  'Toys',
];
const adjectives = [
  'Amber',
  'Basic',
  'Compact',
  'Deluxe',
  'Eco',
  'Folding',
  'Heavy',
  'Light',
  'Modern',
  'Nordic',
  'Quiet',
  'Robust',
  'Smart',
  'Travel',
];
const things = [
  'Backpack',
  'Bottle',
  'Chair',
  'Charger',
  'Desk',
  'Drill',
  'Kettle',
  'Lamp',
  'Mixer',
  'Notebook',
  'Pan',
  'Radio',
  'Shelf',
  'Speaker',
  'Tent',
  'Torch',
  'Towel',
];
const remarks = [
  'Leave with the neighbour',
  'Please ring twice',
  'Fragile',
  'Call before delivery',
  'Invoice to head office',
  'Deliver after 17:00',
  'No plastic wrapping, please',
  'Side entrance',
  'Second attempt',
  'Price agreed by phone',
];

/** A number in [0, 1) that depends on the seed, a stream's name and an SQL expression. */
function uniform(seed: number, stream: string, of: string): string {
  // Hashed twice: DuckDB combines the hashes of several values so simply that streams would move together.
  return `(hash(hash(${of}, '${seed}:${stream}')) >> 11) / 9007199254740992.0`;
}

/** An element of a list by an SQL expression in [0, 1); `bent` above 1 favours the first elements. */
function pick(texts: readonly string[], u: string, bent = 1): string {
  const share = bent === 1 ? u : `pow(${u}, ${bent})`;
  return `${listOf(texts)}[1 + floor(${texts.length} * ${share})::INTEGER]`;
}

/** The rows of the feed as one SELECT, in order. */
export function salesSelect(shape: SalesShape): string {
  const u = (stream: string, of: string): string => uniform(shape.seed, stream, of);
  // The mean is four lines an order; a few more orders than needed, and the last is cut by LIMIT.
  const orders = Math.ceil(shape.rows / 4 + 10 * Math.sqrt(shape.rows) + 10);
  const email = `lower(given || '.' || family) || customer || '@' || ${pick(mailHosts, u('host', 'customer'))}`;
  return `
with orders as (
  select o, 1 + floor(7 * ${u('lines', 'o')})::INTEGER as lines,
    floor(${shape.customers} * pow(${u('customer', 'o')}, 2))::INTEGER as customer, ${u('spelling', 'o')} as spelling
  from range(${orders}) t(o)
), buyers as (
  select *, ${pick(givenNames, u('given', 'customer'))} as given, ${pick(familyNames, u('family', 'customer'))} as family
  from orders
), headers as (
  select *, ${email} as email from buyers
), lines as (
  select *, unnest(range(1, lines + 1))::INTEGER as line
  from headers
), items as (
  select *, o * 8 + line as l, floor(pow(${shape.products + 1}, ${u('product', 'o * 8 + line')}))::INTEGER - 1 as product from lines
), priced as (
  select *, ${u('list-price', 'product')} as list_price, ${u('discount', 'l')} as d, ${u('note', 'l')} as note from items
)
select
  'SO-' || lpad(o::VARCHAR, 7, '0') as order_no,
  line as line_no,
  DATE '2025-01-01' + (o * 540 // ${orders})::INTEGER as order_date,
  case when spelling < 0.84 then email
       when spelling < 0.90 then given || '.' || family || substr(email, length(given) + length(family) + 2)
       when spelling < 0.94 then upper(email)
       when spelling < 0.97 then email || ' '
       else '  ' || given || '.' || family || substr(email, length(given) + length(family) + 2) end as customer_email,
  given || ' ' || family as customer_name,
  ${pick(countries, u('country', 'customer'), 3)} as country,
  'SKU-' || lpad(product::VARCHAR, 6, '0') as sku,
  ${pick(adjectives, u('adjective', 'product'))} || ' ' || ${pick(things, u('thing', 'product'))} || ' ' || product % 97 as product_name,
  ${pick(categories, u('category', 'product'))} as category,
  (1 + floor(pow(${u('quantity', 'l')}, 6) * 24))::INTEGER as quantity,
  (0.99 + floor(pow(list_price, 4) * 90000) / 100 + floor(${u('price', 'l')} * 3))::DECIMAL(12,2) as unit_price,
  (case when d < 0.80 then 0 when d < 0.90 then 0.05 when d < 0.95 then 0.1 when d < 0.98 then 0.15 else 0.2 end)::DOUBLE as discount,
  ${u('gift', 'o')} < 0.06 as is_gift,
  case when ${u('channel', 'o')} < 0.70 then 'web' when ${u('channel', 'o')} < 0.88 then 'store'
       when ${u('channel', 'o')} < 0.96 then 'partner' else 'phone' end as channel,
  case when note < 0.90 then null
       when note < 0.99 then ${pick(remarks, u('remark', 'l'), 2)}
       else 'Ticket ' || (hash(l, '${shape.seed}:ticket') % 1000000)::VARCHAR || ': see correspondence' end as notes
from priced
limit ${shape.rows}`;
}
