using FrameFlow.Jobs;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Jobs;

public sealed class RecipeTests
{
    public static TheoryData<string> Names => [.. RecipeCatalog.All.Select(r => r.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Read_BuiltInAsItIsShown_IsTheSame(string name)
    {
        Recipe recipe = RecipeCatalog.Find(name);
        string text = JobJson.WriteIndented(recipe);
        Recipe? read = RecipeReader.Read(text, out IReadOnlyList<string> faults);
        Assert.Empty(faults);
        Assert.Equal(JobJson.Write(recipe), JobJson.Write(read));
    }

    [Fact]
    public void Read_EveryKindOfFault_NamesAllAtOnceWithPlaceAndMend()
    {
        const string Bad = """
            {
              "name": "bad",
              "contaner": ".mkv",
              "container": ".xyz",
              "seed": "seven",
              "device": "gpu",
              "operations": [
                { "operation": "interpolat", "rate": 60 },
                { "operation": "interpolate", "rate": "fast", "sampling": { "step": 3 } },
                { "operation": "denoise", "denoising": { "sampler": "euler", "temporal": 7 } },
                { "operation": "denoise", "denoising": { "grain": "regrow" } },
                { "rate": 60 },
                7,
                { "operation": "grain", "amount": 2 }
              ],
              "encode": { "encoder": "libx264", "crf": 99 }
            }
            """;
        Assert.Null(RecipeReader.Read(Bad, out IReadOnlyList<string> faults));
        string[] expected =
        [
            "contaner: unknown; did you mean 'container'?",
            "seed: 'seven' is no integer",
            "operations[0].operation: 'interpolat' is not known; did you mean 'interpolate'?",
            "operations[1].rate: 'fast' is no frame rate",
            "operations[1].sampling.step: unknown; did you mean 'steps'?",
            "operations[3].denoising.grain: 'regrow' is not known",
            "operations[4].operation: missing; one of",
            "operations[5]: 7 is no object",
            "operations[2]: sampler euler:",
            "operations[2]: temporal 7: 0 to 2",
            "operations[6]: grain 2: 0 to 1",
            "encode: crf 99 is out of range",
            "container '.xyz'",
            $"device 'gpu': {FrameFlow.Inference.DeviceRequest.Allowed}",
        ];
        Assert.All(expected, e => Assert.Contains(faults, f => f.StartsWith(e, StringComparison.Ordinal)));
        Assert.Equal(expected.Length, faults.Count);
    }

    [Theory]
    [InlineData("{", "line 1")]
    [InlineData("{ \"name\": \"a\", \"name\": \"b\" }", "no JSON")]
    [InlineData("[]", "a recipe is an object")]
    [InlineData("{}", "name: missing")]
    [InlineData("{ \"name\": \"a\", \"operations\": [] }", "operations: empty")]
    [InlineData("{ \"name\": null, \"operations\": [ { \"operation\": \"grain\" } ] }", "name: null is no string")]
    [InlineData("{ \"name\": \"\", \"operations\": [ { \"operation\": \"grain\" } ] }", "name '': empty")]
    [InlineData("{ \"name\": \"a\\ud800\", \"operations\": [ { \"operation\": \"grain\" } ] }", "name: a text ends within a character")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"\\udc00\" } ] }", "operations[0].operation: a text ends within a character")]
    [InlineData("{ \"name\": \"a\", \"\\ud800\": 1 }", "a name ends within a character")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"interpolate\", \"slow\": \"0\" } ] }", "operations[0]: slow 0: above 0, up to 100")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"interpolate\", \"slow\": \"-1/2\" } ] }", "operations[0]: slow -1/2: above 0, up to 100")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"grain\" } ], \"decode\": { \"start\": -5 } }", "decode: start -5: 0 or more")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"grain\" } ], \"decode\": { \"duration\": 0 } }", "decode: duration 0: above 0")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"grain\" } ], \"decode\": { \"inputRate\": -24 } }", "decode: inputRate -24: above 0")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"grain\" } ], \"decode\": { \"threads\": -1 } }", "decode: decoder threads -1: 0 to 1024")]
    public void Read_NoRecipeAtAll_SaysWhy(string text, string why)
    {
        Assert.Null(RecipeReader.Read(text, out IReadOnlyList<string> faults));
        Assert.Contains(faults, f => f.StartsWith(why, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{ \"$schema\": \"recipe.schema.json\", \"name\": \"a\", \"operations\": [ { \"operation\": \"grain\" } ] }")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"rate\": 59.94, \"operation\": \"interpolate\", \"slow\": \"5/2\" } ], \"decode\": { \"start\": 3 } }")]
    [InlineData("{ \"name\": \"a\", \"operations\": [ { \"operation\": \"denoise\", \"sigma\": null } ], \"encode\": { \"crf\": 12.5 } }")]
    public void Read_EveryWayToWriteAValue_IsTaken(string text)
    {
        Assert.NotNull(RecipeReader.Read(text, out IReadOnlyList<string> faults));
        Assert.Empty(faults);
    }

    [Fact]
    public async Task Schema_Copy_IsTheTypes()
    {
        string copy = Path.Combine(Repository.Root, "docs", "recipe.schema.json");
        Assert.True(await File.ReadAllTextAsync(copy) == RecipeSchema.Write(), $"write it anew: ./frameflow recipes --schema > {copy}");
    }

    [Fact]
    public void Find_NameThatIsNearlyOne_SaysWhichWasMeant()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => RecipeCatalog.Find("film-scna"));
        Assert.Contains("did you mean 'film-scan'?", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("docs/service/draft.json")]
    public void Find_RecipesOfTheDocs_AreGood(string path) => Assert.NotEmpty(RecipeCatalog.Find(Path.Combine(Repository.Root, path)).Operations);
}
