# frozen_string_literal: true

# Drives analytics-ruby: <host> <write key> <scenario> <count>. It speaks https only.
require 'json'
require 'uri'
require 'segment/analytics'

host, key, scenario, count = ARGV
address = URI(host)
analytics = Segment::Analytics.new(
  write_key: key,
  host: address.host,
  port: address.port,
  batch_size: 20,
  on_error: proc { |status, message| warn "#{status} #{message}" }
)

case scenario
when 'six'
  analytics.identify(user_id: 'u1', traits: { plan: 'pro' })
  analytics.track(user_id: 'u1', event: 'Order Completed', properties: { total: 9.5 })
  analytics.page(user_id: 'u1', name: 'Home', properties: { path: '/' })
  analytics.screen(user_id: 'u1', name: 'Start')
  analytics.group(user_id: 'u1', group_id: 'g1', traits: { name: 'Acme' })
  analytics.alias(user_id: 'u1', previous_id: 'a1')
when 'values'
  properties = JSON.parse(ENV.fetch('MILLRACE_COMPAT_PROPERTIES'))
  # As its README does it: a number as an id.
  analytics.track(user_id: 42, event: 'Values', properties: properties)
when 'refused'
  analytics.track(user_id: 'u1', event: 'Large', properties: { text: 'x' * 4000 })
  analytics.flush
  analytics.track(user_id: 'u1', event: 'Small')
else
  count.to_i.times do |n|
    analytics.track(user_id: 'u1', event: 'Numbered', properties: { n: n })
    sleep 0.01 if scenario == 'paced'
  end
end
analytics.flush
