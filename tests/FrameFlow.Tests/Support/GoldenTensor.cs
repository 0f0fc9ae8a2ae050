using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using FrameFlow.Media;
using Xunit;

namespace FrameFlow.Tests.Support;

/// <summary>A tensor that the training code wrote (NPY 1.0, C order; float32, or float64 for lists of numbers).</summary>
internal sealed partial record GoldenTensor(int[] Shape, float[] Values)
{
    public static GoldenTensor Read(string group, string name)
    {
        byte[] file = File.ReadAllBytes(Repository.TestData("golden", group, name + ".npy"));
        int headerLength = BitConverter.ToUInt16(file, 8);
        string header = System.Text.Encoding.ASCII.GetString(file, 10, headerLength);
        Match match = Header().Match(header);
        Assert.True(match.Success, header);
        int[] shape = [.. match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
        ReadOnlySpan<byte> data = file.AsSpan(10 + headerLength);
        float[] values = match.Groups["type"].Value == "f8"
            ? [.. MemoryMarshal.Cast<byte, double>(data).ToArray().Select(v => (float)v)]
            : MemoryMarshal.Cast<byte, float>(data).ToArray();
        return new GoldenTensor(shape, values);
    }

    /// <summary>The first entry of a batch [1,C,H,W] as a picture, which the caller disposes.</summary>
    public FloatImage ToImage(NativePool pool)
    {
        FloatImage image = pool.RentImage(Shape[1], Shape[2], Shape[3]);
        Values.CopyTo(image.Values);
        return image;
    }

    public void AssertNear(ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(Values.Length, actual.Length);
        double worst = 0;
        for (int i = 0; i < Values.Length; i++)
        {
            worst = Math.Max(worst, Math.Abs(Values[i] - actual[i]));
        }

        Assert.True(worst <= tolerance, string.Create(CultureInfo.InvariantCulture, $"largest error {worst}, tolerance {tolerance}"));
    }

    [GeneratedRegex(@"'descr': '<(?<type>f[48])', 'fortran_order': False, 'shape': \((?<shape>[^)]*)\)")]
    private static partial Regex Header();
}
