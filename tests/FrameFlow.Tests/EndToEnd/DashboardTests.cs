using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>The dashboard over real records: what it gives, to whom, and how it works in a browser.</summary>
public sealed class DashboardTests : IAsyncLifetime
{
    private const string Token = "0123 ab+cd&x%";
    private readonly Tool _tool = new();
    private readonly HttpClient _client = new();
    private Process? _server;
    private string _url = "";

    public async ValueTask InitializeAsync()
    {
        // One film done, one in quarantine; then, for 'serve' only, one that waits.
        Directory.CreateDirectory(_tool.At("in"));
        await File.WriteAllTextAsync(_tool.At("r.json"), """
            { "name": "test", "operations": [ { "operation": "interpolate", "rate": 20, "model": "blend" } ], "encode": { "encoderArgs": "-preset ultrafast" } }
            """);
        await _tool.ExternalAsync("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10:d=2", "-pix_fmt", "yuv420p", "in/good.mp4");
        await File.WriteAllTextAsync(_tool.At("in/<img src=x onerror=alert(1)>.mp4"), "no film");
        ToolRun run = await _tool.RunAsync("watch", "in", "-o", "out", "--recipe", "r.json", "--settle", "0.5", "--tries", "1", "--once", "--listen", "none", "--segment", "1");
        Assert.True(run.Code == 3, run.Error);
        Assert.Contains("1 film(s) are in quarantine, '<img src=x onerror=alert(1)>.mp4' first: ", run.Error, StringComparison.Ordinal);
        string jobs = _tool.At("out/.frameflow/jobs");
        string good = Directory.EnumerateFiles(jobs, "*.json").Single(f => File.ReadAllText(f).Contains("good.mp4", StringComparison.Ordinal));
        await File.WriteAllTextAsync(
            Path.Combine(jobs, "00000000000000aa.json"),
            (await File.ReadAllTextAsync(good)).Replace(Path.GetFileNameWithoutExtension(good), "00000000000000aa", StringComparison.Ordinal)
                .Replace("good.mp4", "waits.mp4", StringComparison.Ordinal).Replace("\"state\":\"done\"", "\"state\":\"waiting\"", StringComparison.Ordinal));

        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        _url = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
        _server = _tool.Start("serve", "in", "-o", "out", "--listen", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"), "--token", Token);
        _server.BeginErrorReadLine();
        _server.BeginOutputReadLine();
        for (bool isUp = false; !isUp;)
        {
            Assert.False(_server.HasExited);
            try
            {
                isUp = (await _client.GetAsync(_url + "/health")).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            _server.Kill(entireProcessTree: true);
            await _server.WaitForExitAsync();
            _server.Dispose();
        }

        _client.Dispose();
        _tool.Dispose();
    }

    [Fact]
    public async Task Api_EveryKindOfRequest_GivesNoMoreThanItShould()
    {
        JsonElement jobs = JsonDocument.Parse(await _client.GetStringAsync(_url + "/api/jobs")).RootElement;
        Assert.Equal(3, jobs.GetArrayLength());

        // One record that cannot be read keeps none of the others from being shown.
        await File.WriteAllTextAsync(_tool.At("out/.frameflow/jobs/00000000000000cc.json"), "");
        Assert.Equal(3, JsonDocument.Parse(await _client.GetStringAsync(_url + "/api/jobs")).RootElement.GetArrayLength());
        HttpResponseMessage spoilt = await _client.GetAsync(_url + "/api/jobs/00000000000000cc");
        Assert.Equal(HttpStatusCode.InternalServerError, spoilt.StatusCode);
        Assert.Contains("cannot be read", await spoilt.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        File.Delete(_tool.At("out/.frameflow/jobs/00000000000000cc.json"));
        string id = jobs.EnumerateArray().Single(j => j.GetProperty("name").GetString() == "good.mp4").GetProperty("id").GetString()!;
        HttpResponseMessage picture = await _client.GetAsync($"{_url}/api/jobs/{id}/frames/2/after");
        Assert.Equal("image/jpeg", picture.Content.Headers.ContentType?.MediaType);
        Assert.Contains("telemetry_sdk_name=\"opentelemetry\"", await _client.GetStringAsync(_url + "/metrics"), StringComparison.Ordinal);
        Assert.Contains("/api/jobs/{id}/pause", await _client.GetStringAsync(_url + "/openapi/v1.json"), StringComparison.Ordinal);

        HttpResponseMessage report = await _client.GetAsync($"{_url}/api/jobs/{id}/report");
        Assert.Equal("text/html", report.Content.Headers.ContentType?.MediaType);
        Assert.Contains("sandbox allow-scripts;", report.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Contains("\"kinds\":{", await report.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await _client.GetAsync(_url + "/api/jobs/00000000000000aa/report")).StatusCode);

        // Changes need the token, and the right one.
        foreach (string change in (string[])["pause", "resume", "cancel", "retry", "priority/high"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("00000000000000aa/" + change, null));
            Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync("00000000000000aa/" + change, Token + "0"));
        }

        Assert.Equal(HttpStatusCode.OK, await PostAsync("00000000000000aa/pause", Token));
        Assert.Equal(HttpStatusCode.OK, await PostAsync("00000000000000aa/priority/low", Token));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync("00000000000000aa/priority/7", Token));
        Assert.Equal(HttpStatusCode.Conflict, await PostAsync(id + "/cancel", Token));

        // No path is taken from a request.
        foreach (string path in (string[])["..%2f..%2f..%2fetc%2fpasswd", "..", "%2e%2e%2f" + id, id + "%00", id.ToUpperInvariant() + "A", "00000000000000bb"])
        {
            // A NUL is refused by the server itself.
            HttpStatusCode refused = path.Contains("%00", StringComparison.Ordinal) ? HttpStatusCode.BadRequest : HttpStatusCode.NotFound;
            Assert.Equal(refused, (await _client.GetAsync($"{_url}/api/jobs/{path}/log")).StatusCode);
            Assert.Equal(refused, (await _client.GetAsync($"{_url}/api/jobs/{path}/report")).StatusCode);
            Assert.Equal(refused, await PostAsync(path + "/pause", Token));
        }

        Assert.Equal(HttpStatusCode.NotFound, (await _client.GetAsync($"{_url}/api/jobs/{id}/frames/2/..%2f..%2fin")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _client.GetAsync(_url + "/../in/good.mp4")).StatusCode);

        // A foreign page that had its name pointed here.
        using HttpRequestMessage foreign = new(HttpMethod.Get, _url + "/api/jobs");
        foreign.Headers.Host = "evil.example";
        Assert.Equal(HttpStatusCode.MisdirectedRequest, (await _client.SendAsync(foreign)).StatusCode);

        // Through a proxy on this machine.
        using HttpRequestMessage forwarded = new(HttpMethod.Get, _url + "/api/jobs");
        forwarded.Headers.Add("X-Forwarded-For", "203.0.113.9");
        Assert.Equal(HttpStatusCode.Unauthorized, (await _client.SendAsync(forwarded)).StatusCode);

        async Task<HttpStatusCode> PostAsync(string what, string? token)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, $"{_url}/api/jobs/{what}");
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            return (await _client.SendAsync(request)).StatusCode;
        }
    }

    [Fact]
    public async Task Page_InChromium_Works()
    {
        string folder = Path.Combine(Repository.Root, "tests", "browser");
        Assert.SkipUnless(File.Exists("/usr/bin/chromium") && Directory.Exists(Path.Combine(folder, "node_modules", "playwright-core")), "no chromium, or no 'npm ci' in tests/browser");
        string pictures = Path.Combine(Repository.Root, "artifacts", "test", "dashboard");
        Directory.CreateDirectory(pictures);
        string said = await _tool.ExternalAsync("node", Path.Combine(folder, "dashboard.mjs"), _url, Token, "/usr/bin/chromium", pictures);
        Assert.Equal("ok", said.Trim());
    }
}
