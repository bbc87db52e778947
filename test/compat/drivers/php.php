<?php

// Drives analytics-php: <library> <host> <write key> <scenario> <count>. It speaks https only.

[, $library, $host, $key, $scenario, $count] = $argv;
if (is_file("$library/autoload.php")) {
    require "$library/autoload.php";
} else {
    spl_autoload_register(function (string $class) use ($library): void {
        $path = $library . '/lib/' . str_replace(['Segment\\', '\\'], ['', '/'], $class) . '.php';
        if (is_file($path)) {
            require $path;
        }
    });
}

use Segment\Segment;

Segment::init($key, [
    'host' => preg_replace('#^https://#', '', $host),
    'flush_at' => 20,
    'flush_interval' => 1000,
    'error_handler' => fn ($code, $message) => fwrite(STDERR, "$code $message\n"),
]);

if ($scenario === 'six') {
    Segment::identify(['userId' => 'u1', 'traits' => ['plan' => 'pro']]);
    Segment::track(['userId' => 'u1', 'event' => 'Order Completed', 'properties' => ['total' => 9.5]]);
    Segment::page(['userId' => 'u1', 'name' => 'Home', 'properties' => ['path' => '/']]);
    // An empty map, as PHP says it: a list.
    Segment::screen(['userId' => 'u1', 'name' => 'Start', 'integrations' => []]);
    Segment::group(['userId' => 'u1', 'groupId' => 'g1', 'traits' => ['name' => 'Acme']]);
    Segment::alias(['userId' => 'u1', 'previousId' => 'a1']);
} elseif ($scenario === 'values') {
    $properties = json_decode(getenv('MILLRACE_COMPAT_PROPERTIES'), true);
    // As its documentation does it: a number as an id.
    Segment::track(['userId' => 42, 'event' => 'Values', 'properties' => $properties]);
} elseif ($scenario === 'refused') {
    Segment::track(['userId' => 'u1', 'event' => 'Large', 'properties' => ['text' => str_repeat('x', 4000)]]);
    Segment::flush();
    Segment::track(['userId' => 'u1', 'event' => 'Small']);
} else {
    for ($n = 0; $n < (int) $count; $n++) {
        Segment::track(['userId' => 'u1', 'event' => 'Numbered', 'properties' => ['n' => $n]]);
        if ($scenario === 'paced') {
            usleep(10_000);
        }
    }
}
Segment::flush();
