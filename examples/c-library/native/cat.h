#ifndef CAT_H
#define CAT_H

/* A cat that says `text`, which is UTF-8. NULL if there is no memory; else to be given back by cat_free. */
char *cat_says(const char *text);

void cat_free(char *picture);

#endif
