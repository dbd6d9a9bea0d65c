-- From raw tables to golden customers and everything that follows from them:
-- the whole job of omnicrm on the demo's company (see generate.sql). The date
-- of all reports is 2026-06-30, so that they are the same on every day.
SET client_min_messages = warning;
SET timezone = 'Europe/Madrid';
SET datestyle = 'ISO, YMD';
\o /dev/null

SELECT omnicrm.deploy('crm');

-- Who delivers. A card is filled in at the till with the identity card on the
-- counter; a newsletter form takes whatever is typed.
SELECT crm.add_source('ERP',          'erp',         90, owner => 'Finance');
SELECT crm.add_source('loyalty card', 'loyalty',     80, owner => 'Stores');
SELECT crm.add_source('stores',       'shop',        80, owner => 'Stores');
SELECT crm.add_source('field sales',  'field_sales', 75, owner => 'Sales');
SELECT crm.add_source('web shop',     'web',         60, owner => 'E-commerce');
SELECT crm.add_source('app',          'app',         55, owner => 'E-commerce');
SELECT crm.add_source('call centre',  'call_centre', 50, owner => 'Service');
SELECT crm.add_source('newsletter',   'newsletter',  30, owner => 'Marketing');

-- What everything else refers to.
SELECT crm.load('ERP', 'shop.channel', '{"entity": "channel", "key": "name", "kind": "kind"}');
SELECT crm.load('ERP', 'shop.employee',
  '{"entity": "employee", "key": "emp_no", "name": "full_name", "role": "job", "team": "team", "manager": "boss"}');
SELECT crm.load('ERP', 'shop.campaign',
  '{"entity": "campaign", "key": "name", "channel": "channel", "starts_on": {"column": "starts", "format": "YMD"},
    "ends_on": {"column": "ends", "format": "YMD"}, "cost": {"column": "budget", "decimal": ","}}');
SELECT crm.load('ERP', 'shop.product',
  '{"entity": "product", "key": "sku", "name": "name", "category": "category", "price": {"column": "list_price", "decimal": ","},
    "cost": {"column": "unit_cost", "decimal": ","}, "repeatable": "bought_again", "active": "on_sale"}');

-- Customers, as each system knows them.
SELECT crm.load('web shop', 'shop.web_customer',
  '{"key": "customer_no", "kind": "account_type", "given_name": "first_name", "surname": "last_name", "full_name": ["first_name", "last_name"],
    "birth_date": {"column": "birth_date", "format": "DMY"}, "email": "email", "phone": "mobile", "tax_id": "tax_no",
    "street": "street", "postcode": "zip", "city": "town", "province": "province", "country": "country",
    "loyalty_card": "loyalty_no", "device": "cookie", "username": "username", "business_at": "updated_at"}');
SELECT crm.load('loyalty card', 'shop.loyalty_member',
  '{"key": "num_tarjeta", "given_name": "nombre", "surname": ["apellido1", "apellido2"], "full_name": ["nombre", "apellido1", "apellido2"],
    "birth_date": {"column": "fecha_nacimiento", "format": "YMD"}, "gender": "sexo", "phone": "telefono", "email": "correo", "tax_id": "dni",
    "street": "direccion", "postcode": "cp", "city": "poblacion", "province": "provincia", "loyalty_card": "num_tarjeta",
    "business_at": {"column": "fecha_alta", "format": "DMY"}, "entered_by": "empleado_alta", "time_zone": "Europe/Madrid"}');
SELECT crm.load('call centre', 'shop.call_contact',
  '{"key": "contact_id", "kind": "contact_type", "full_name": "full_name", "phone": "phone_number", "email": "email", "tax_id": "doc_id",
    "birth_date": {"column": "birthday", "format": "DMY"}, "postcode": "postcode", "city": "city",
    "business_at": {"column": "created", "format": "DMY"}, "entered_by": "agent", "time_zone": "Europe/Madrid"}');
SELECT crm.load('newsletter', 'shop.newsletter_subscriber',
  '{"key": "subscriber_id", "full_name": "name", "email": "email", "postcode": "zip", "birth_date": "birthday",
    "business_at": "subscribed_at", "attributes": ["origin"]}');
SELECT crm.load('app', 'shop.app_user',
  '{"key": "user_id", "full_name": "display_name", "email": "email", "phone": "phone", "birth_date": "birth_date", "device": "device_id",
    "loyalty_card": "card_no", "username": "login", "postcode": "zip", "business_at": "last_login"}');
SELECT crm.load('field sales', 'shop.crm_contact',
  '{"key": "contact_no", "kind": "contact_type", "full_name": "name", "tax_id": "cif_nif", "phone": "phone", "email": "email",
    "street": "street", "postcode": "zip", "city": "city", "province": "province", "birth_date": "birthday",
    "business_at": "updated_on", "entered_by": "rep", "time_zone": "Europe/Madrid"}');

-- Sales, with their lines and payments. The web shop also books what the app
-- and the call centre sell; the tills know customers by their card.
SELECT crm.load('web shop', 'shop.web_order',
  '{"entity": "order", "key": "order_no", "customer": "account", "customer_source": ["web shop", "app", "call centre"],
    "ordered_at": "ordered_at", "revenue": "net_amount", "channel": "sold_through", "employee": "agent", "kind": "type", "returns": "returns",
    "sale_key": "pickup_code", "gross_margin": "gross_margin", "contribution_margin": "contribution_margin", "currency": "currency"}');
SELECT crm.load('stores', 'shop.store_ticket',
  '{"entity": "order", "key": "ticket", "customer": "num_tarjeta", "customer_source": "loyalty card",
    "ordered_at": {"column": "fecha", "format": "DMY"}, "revenue": {"column": "importe", "decimal": ","}, "channel": {"value": "Store"},
    "employee": "cajero", "kind": "tipo", "returns": "devuelve", "sale_key": "recogida", "gross_margin": {"column": "margen", "decimal": ","},
    "contribution_margin": {"column": "contribucion", "decimal": ","}, "time_zone": "Europe/Madrid"}');
SELECT crm.load('field sales', 'shop.field_order',
  '{"entity": "order", "key": "order_no", "customer": "contact_no", "ordered_at": "signed", "revenue": "amount",
    "channel": {"value": "Field sales"}, "employee": "rep", "kind": "type", "returns": "credit_for", "sale_key": "order_no",
    "gross_margin": "gross_margin", "contribution_margin": "contribution", "time_zone": "Europe/Madrid"}');
SELECT crm.load('web shop', 'shop.web_order_line',
  '{"entity": "order_line", "order": "order_no", "key": "line_no", "product": "sku", "quantity": "quantity", "revenue": "net_amount",
    "gross_margin": "gross_margin"}');
SELECT crm.load('stores', 'shop.store_ticket_line',
  '{"entity": "order_line", "order": "ticket", "key": "linea", "product": "articulo", "quantity": "unidades",
    "revenue": {"column": "importe", "decimal": ","}, "gross_margin": {"column": "margen", "decimal": ","}}');
SELECT crm.load('field sales', 'shop.field_order_line',
  '{"entity": "order_line", "order": "order_no", "key": "line_no", "product": "sku", "quantity": "quantity", "revenue": "amount",
    "gross_margin": "gross_margin"}');
SELECT crm.load('ERP', 'shop.payment',
  '{"entity": "payment", "key": "receipt", "order": "order_no", "order_source": ["web shop", "stores", "field sales"],
    "amount": {"column": "amount", "decimal": ","}, "terms_days": "terms_days", "due_on": {"column": "due_on", "format": "YMD"},
    "paid_on": {"column": "paid_on", "format": "YMD"}, "method": "method"}');

-- Touches: what happened with whom, before, at and after a sale.
SELECT crm.load('web shop', 'shop.web_visit',
  '{"entity": "touch", "key": "visit_id", "customer": "customer_no", "occurred_at": "visited_at", "channel": "came_by",
    "campaign": "utm_campaign", "employee": "chat_agent", "role": "chat_role", "direction": {"value": "inbound"}, "message_type": "kind",
    "phase": "phase", "emotion": "mood", "cost": "cost"}');
SELECT crm.load('stores', 'shop.store_visit',
  '{"entity": "touch", "key": "visita", "customer": "num_tarjeta", "customer_source": "loyalty card",
    "occurred_at": {"column": "fecha", "format": "DMY"}, "channel": {"value": "Store"}, "employee": "empleado", "role": "funcion",
    "direction": {"value": "inbound"}, "phase": "fase", "emotion": "animo", "cost": {"column": "coste", "decimal": ","},
    "time_zone": "Europe/Madrid"}');
SELECT crm.load('call centre', 'shop.call_log',
  '{"entity": "touch", "key": "call_id", "customer": "contact_id", "occurred_at": {"column": "started", "format": "DMY"},
    "channel": {"value": "Call centre"}, "employee": "agent", "role": "agent_role", "direction": "direction", "message_type": {"value": "call"},
    "phase": "phase", "emotion": "mood", "cost": "cost", "time_zone": "Europe/Madrid"}');
SELECT crm.load('newsletter', 'shop.newsletter_event',
  '{"entity": "touch", "key": "event_id", "customer": "subscriber_id", "occurred_at": "at", "channel": {"value": "Newsletter"},
    "campaign": "campaign", "employee": "editor", "role": "editor_role", "direction": {"value": "outbound"}, "message_type": "event",
    "phase": "phase", "cost": "cost"}');
SELECT crm.load('app', 'shop.app_event',
  '{"entity": "touch", "key": "event_id", "customer": "user_id", "occurred_at": "at", "channel": {"value": "App"}, "campaign": "campaign",
    "employee": "staff", "role": "staff_role", "message_type": "event", "phase": "phase", "emotion": "mood", "cost": "cost"}');
SELECT crm.load('field sales', 'shop.field_visit',
  '{"entity": "touch", "key": "visit_no", "customer": "contact_no", "occurred_at": "visited", "channel": {"value": "Field sales"},
    "employee": "rep", "role": "function", "direction": {"value": "outbound"}, "message_type": {"value": "visit"}, "phase": "phase",
    "emotion": "mood", "cost": "cost", "time_zone": "Europe/Madrid"}');

-- Leads, cases, and what people allowed.
SELECT crm.load('field sales', 'shop.field_lead',
  '{"entity": "lead", "key": "lead_no", "customer": "contact_no", "created_at": "created", "origin": "origin", "channel": "channel",
    "campaign": "campaign", "brought_by": "brought_by", "advised_by": "advised_by", "closed_by": "closed_by", "won_at": "won_at",
    "lost_at": "lost_at", "lost_reason": "lost_reason", "value": "value", "sale_key": "order_no", "time_zone": "Europe/Madrid"}');
SELECT crm.load('call centre', 'shop.call_case',
  '{"entity": "case", "key": "case_no", "customer": "contact_id", "opened_at": {"column": "opened", "format": "DMY"},
    "closed_at": {"column": "closed", "format": "DMY"}, "subject": "subject", "channel": {"value": "Call centre"}, "employee": "agent",
    "priority": "priority", "satisfaction": "csat", "time_zone": "Europe/Madrid"}');
SELECT crm.load('newsletter', 'shop.consent',
  '{"entity": "consent", "key": "consent_id", "customer": "customer_ref",
    "customer_source": ["newsletter", "web shop", "loyalty card", "app", "call centre"], "channel_kind": "channel", "state": "state",
    "stated_at": "stated", "time_zone": "Europe/Madrid"}');

-- Who is who; then what follows.
SELECT crm.resolve();
-- At the end of each of the last two quarters, so that it shows who moved.
SELECT crm.refresh_segments('2026-03-31', '{"linkage": true}');
SELECT crm.refresh_segments('2026-06-30', '{"linkage": true}');
SELECT crm.attribute('2023-07-01', '2026-07-01');
-- Eight per cent of the contribution of a sale go to those who had a part in it.
SELECT crm.add_commission_plan('Everybody who helped', 'contribution_margin', 0.08,
  '{"brought": 25, "qualified": 15, "advised": 25, "closed": 30, "supported": 5}', valid_from => '2023-01-01');
SELECT crm.run_commission('2023-07-01', '2026-07-01');
SELECT crm.refresh_offers();
