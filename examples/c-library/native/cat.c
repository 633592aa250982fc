#include "cat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char CAT[] =
    "   \\\n"
    "    \\  /\\_/\\\n"
    "      ( o.o )\n"
    "       > ^ <\n";

/* The characters of a line of UTF-8: all bytes but those that continue one. */
static size_t columns(const char *line, size_t length)
{
    size_t count = 0;
    for (size_t at = 0; at < length; at++)
        count += ((unsigned char)line[at] & 0xC0) != 0x80;
    return count;
}

/* The line after the one at `line` that is `length` bytes long; NULL if that was the last. */
static const char *next(const char *line, size_t length)
{
    return line[length] == '\n' ? line + length + 1 : NULL;
}

static void rule(FILE *out, char edge, size_t width)
{
    fputc(edge, out);
    for (size_t at = 0; at < width + 2; at++)
        fputc('-', out);
    fprintf(out, "%c\n", edge);
}

char *cat_says(const char *text)
{
    char *picture = NULL;
    size_t size = 0, width = 0, length;
    FILE *out = open_memstream(&picture, &size);
    if (out == NULL)
        return NULL;
    for (const char *line = text; line != NULL; line = next(line, length)) {
        length = strcspn(line, "\n");
        if (columns(line, length) > width)
            width = columns(line, length);
    }
    rule(out, '.', width);
    for (const char *line = text; line != NULL; line = next(line, length)) {
        length = strcspn(line, "\n");
        fputs("| ", out);
        fwrite(line, 1, length, out);
        fprintf(out, "%*s |\n", (int)(width - columns(line, length)), "");
    }
    rule(out, '\'', width);
    fputs(CAT, out);
    int failed = ferror(out);
    if (fclose(out) != 0 || failed) {
        free(picture);
        return NULL;
    }
    return picture;
}

void cat_free(char *picture)
{
    free(picture);
}
