/**
 * What scripts/terraform-check.ts makes: each kind of resource that there is, by ids that it looks
 * up in Segment's catalogue. The webhook has no name, as none has to have one.
 */

/** @param name of everything that has one that can change. */
export function terraformConfiguration(name: string): string {
  return [HEAD, sources(name), destinations(name), warehouses(name), PEOPLE].join('\n');
}

const HEAD = `terraform {
  required_providers {
    segment = { source = "segmentio/segment" }
  }
}

provider "segment" {}

data "segment_workspace" "this" {}

data "segment_source_metadata" "javascript" {
  id = "IqDTy1TpoU"
}

data "segment_destination_metadata" "amplitude" {
  id = "5f7dd6d21ad74f3842b1fc47"
}

data "segment_warehouse_metadata" "postgres" {
  id = "55d3d3aea3c"
}

data "segment_role" "owner" {
  id = "1WDUuRLxv84rrfCNUwvkrRtkxnS"
}

resource "segment_label" "team" {
  key         = "team"
  value       = "growth"
  description = "who pays"
}
`;

const sources = (name: string): string => `resource "segment_source" "web" {
  slug     = "tf-web"
  name     = "${name} web"
  enabled  = true
  metadata = { id = data.segment_source_metadata.javascript.id }
  settings = jsonencode({ website_url = "https://shop.example" })
  labels   = [{ key = segment_label.team.key, value = segment_label.team.value }]
}

resource "segment_source" "server" {
  slug     = "tf-server"
  name     = "Server"
  enabled  = true
  metadata = { id = "U9mT0bPcI6" }
  settings = jsonencode({})
  labels   = [{ key = segment_label.team.key, value = segment_label.team.value }]
}
`;

const destinations = (name: string): string => `resource "segment_destination" "amplitude" {
  source_id = segment_source.web.id
  name      = "${name} Amplitude"
  enabled   = true
  metadata  = { id = data.segment_destination_metadata.amplitude.id }
  settings  = jsonencode({ apiKey = "key", secretKey = "secret", endpoint = "north_america" })
}

resource "segment_destination" "hook" {
  source_id = segment_source.server.id
  enabled   = true
  metadata  = { id = "614a3c7d791c91c41bae7599" }
  settings  = jsonencode({})
}

resource "segment_destination_subscription" "orders" {
  destination_id = segment_destination.amplitude.id
  name           = "${name} orders"
  enabled        = true
  action_id = one([
    for action in data.segment_destination_metadata.amplitude.actions :
    action.id if action.slug == "logEventV2"
  ])
  trigger        = "type = \\"track\\""
  settings       = jsonencode({ user_id = { "@path" = "$.userId" } })
}

resource "segment_destination_filter" "tenth" {
  destination_id = segment_destination.amplitude.id
  source_id      = segment_source.web.id
  title          = "${name}: a tenth"
  description    = "of everything"
  if             = "all"
  enabled        = true
  actions        = [{ type = "SAMPLE", percent = 0.1 }]
}
`;

const warehouses = (name: string): string => `resource "segment_warehouse" "tables" {
  name     = "${name} tables"
  enabled  = true
  metadata = { id = data.segment_warehouse_metadata.postgres.id }
  settings = jsonencode({
    hostname = "127.0.0.1", port = "9", database = "d", username = "u", password = "secret"
  })
}

resource "segment_source_warehouse_connection" "web" {
  source_id    = segment_source.web.id
  warehouse_id = segment_warehouse.tables.id
}
`;

const PEOPLE = `resource "segment_user" "kim" {
  email = "Kim@Example.com"
  permissions = [{
    role_id   = data.segment_role.owner.id
    resources = [{ id = data.segment_workspace.this.id, type = "WORKSPACE", labels = [] }]
  }]
}
`;
