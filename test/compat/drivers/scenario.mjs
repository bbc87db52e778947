/** What a driver is asked to do: `<host> <write key> <six|many|refused> <count>`. */
export function readScenario() {
  const [host, writeKey, scenario, count] = process.argv.slice(2);
  return { host, writeKey, scenario, count: Number(count) };
}
